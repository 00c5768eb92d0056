from qtpy.QtWidgets import QDockWidget, QLabel, QMainWindow, QWidget

from napari_focusstack.widgets.controls.dock_title import dock_of, title_dock


def test_a_dock_has_its_title_whatever_it_was_called(qtbot):
    main, inner = QMainWindow(), QWidget()
    qtbot.addWidget(main)
    title_dock(inner, "Fuse")
    dock = QDockWidget("Fuse (plugin)", main)
    dock.setTitleBarWidget(QLabel("Fuse (plugin)"))
    dock.setWidget(inner)
    main.show()
    assert dock.windowTitle() == "Fuse"
    assert dock_of(inner) is dock
    assert dock_of(main) is None


def test_the_text_of_the_title_bar_follows(qtbot):
    main, inner, bar = QMainWindow(), QWidget(), QWidget()
    qtbot.addWidget(main)
    label = QLabel("Fuse (plugin)", bar)
    title_dock(inner, "Fuse")
    dock = QDockWidget("Fuse (plugin)", main)
    dock.setTitleBarWidget(bar)
    dock.setWidget(inner)
    main.show()
    assert label.text() == "Fuse"
    label.setText("made anew")
    inner.hide()
    inner.show()
    assert label.text() == "Fuse"
