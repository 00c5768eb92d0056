"""The plugin's manifest names what is there."""

import pytest
from npe2 import PluginManager, PluginManifest

NAME = "napari-focusstack"


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_distribution(NAME)


@pytest.fixture(scope="module")
def contributions(manifest):
    return manifest.contributions


def used_commands(contributions):
    """Yield every command id that a contribution asks for."""
    for kind in (contributions.readers, contributions.writers, contributions.widgets):
        yield from (each.command for each in kind)
    yield from (each.command for each in contributions.sample_data)
    for items in contributions.menus.values():
        yield from (item.command for item in items)


def test_npe2_finds_it_valid_and_can_import_all_it_names(manifest):
    manifest.validate_imports()


def test_commands_that_are_used_are_defined_and_the_other_way_round(contributions):
    defined = [command.id for command in contributions.commands]
    assert len(defined) == len(set(defined))
    assert set(used_commands(contributions)) == set(defined)


def test_menus_are_napari_s_own(contributions):
    from napari._app_model.constants import MenuId  # no public list of them

    assert set(contributions.menus) <= {menu.value for menu in MenuId.contributables()}


def test_preferences_have_the_defaults_of_the_parameters(contributions):
    from napari_focusstack.parameters import FuseParameters

    offered = contributions.configurations["fusing"].properties
    assert offered["device"].default == FuseParameters().device
    assert offered["tile_px"].default == FuseParameters().tile_px


def test_the_plugin_manager_finds_it():
    manager = PluginManager()
    manager.discover(include_npe1=False)
    assert manager.get_manifest(NAME).display_name == "Focus stacking without halo"


def test_the_palette_offers_what_needs_no_path_and_each_thing_once(contributions):
    with_path = {each.command for each in (*contributions.readers, *contributions.writers)}
    for command in contributions.commands:
        assert (command.enablement == "False") == (command.id in with_path)
    # napari names widgets and samples in its palette as in its menus
    offered = [each.display_name for each in (*contributions.widgets, *contributions.sample_data)]
    titles = [each.title for each in contributions.commands if each.id in with_path]
    assert len({*offered, *titles}) == len(offered) + len(titles)


def test_a_widget_has_one_title_whichever_way_it_is_opened(manifest):
    titles = {command.id: command.title for command in manifest.contributions.commands}
    for widget in manifest.contributions.widgets:
        assert titles[widget.command] == widget.display_name
