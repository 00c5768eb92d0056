"""Findings read as plain sentences and survive JSON."""

import json

import numpy as np

from napari_focusstack.diagnostics.diagnosis import Diagnosis

COUNT = 9


def diagnosis(**found):
    return Diagnosis(
        np.linspace(0.1, 0.9, COUNT), np.full(COUNT, 80.0), np.ones(COUNT - 1), **found
    )


def test_a_good_stack_has_nothing_to_say():
    assert diagnosis().messages() == []


def test_every_finding_is_one_sentence():
    shares = np.full(COUNT, 0.125)
    shares[[0, 1, 3]] = 0, 0, 0.0004
    said = diagnosis(
        blank=(1,),
        unrelated=(7,),
        blurred=(8,),
        duplicates=((3, 4),),
        gaps=((5, 6), (8, 9)),
        flicker={2: 0.6, 5: 1.25},
        shares=shares,
    ).messages()
    assert said == [
        "Plane 7 resembles no other plane; check that it belongs to this stack.",
        "Plane 8 is blurred as a whole, where planes beside are sharp; a fusion leaves it out "
        "unless planes are chosen.",
        "Planes 3 and 4 show the same image: one is a copy, or focus did not move.",
        "Focus moves much further than elsewhere between planes 5-6 and 8-9; check whether planes "
        "are missing or misplaced there.",
        "Brightness jumps by up to 40% at planes 2 and 5; keep light and exposure constant, or "
        "seams will show.",
        "Plane 1 shows nothing, or only noise; blank planes are left out.",
        "Plane 2 gives less than 0.1% of the pixels of the fused image; planes='3:9' leaves it "
        "out.",
    ]


def test_a_finding_of_many_planes_is_one_sentence():
    said = diagnosis(
        blank=(1, 9),
        unrelated=(6, 7, 8),
        duplicates=tuple((n, n + 1) for n in range(1, 9)),
        shares=np.array([0, 0, 0, 1, 0, 0, 0, 0, 0.0]),
    ).messages()
    assert said == [
        "Planes 6 to 8 resemble no other plane; check that each belongs to this stack.",
        "Planes of 8 pairs show the same image: one of each is a copy, or focus did not move.",
        "Planes 1, 9 show nothing, or only noise; blank planes are left out.",
        "Planes 2, 3, 5 to 8 give less than 0.1% of the pixels of the fused image; planes='4:4' "
        "leaves them out.",
    ]


def test_two_swapped_planes_are_named_and_other_orders_written_out():
    swapped = diagnosis(order=(1, 2, 7, 4, 5, 6, 3, 8, 9), misplaced=(3, 7))
    assert swapped.messages() == ["Planes 3 and 7 seem to be swapped."]
    moved = diagnosis(order=(1, 9, 2, 3, 4, 5, 6, 7, 8), misplaced=(9,))
    assert moved.messages() == [
        "Plane 9 seems out of order; neighbours are most alike in the order 1, 9, 2 to 8."
    ]


def test_no_advice_makes_equal_steps_unequal():
    """Planes of no use between others stay: they do no harm, and hold the steps equal."""
    shares = np.full(COUNT, 0.2)
    shares[[3, 4, 6]] = 0
    assert diagnosis(shares=shares).messages() == []


def test_alternating_planes_are_counted_in_a_short_sentence():
    said = diagnosis(unrelated=tuple(range(10, 200, 2))).messages()
    assert said[0].startswith("95 planes between 10 and 198 resemble no other plane")


def test_a_diagnosis_of_some_planes_names_them_by_their_numbers_in_the_stack():
    found = diagnosis(
        blank=(1,), duplicates=((3, 4),), flicker={2: 1.5}, shares=np.full(COUNT, 1 / COUNT)
    ).renumbered(range(2, 20, 2), 20)
    assert (found.blank, found.duplicates, found.flicker) == ((2,), ((6, 8),), {4: 1.5})
    assert found.sharpness[1::2][:COUNT].tolist() == diagnosis().sharpness.tolist()
    assert np.isnan(found.sharpness[::2]).all()
    assert found.redundant == ()
    assert json.loads(json.dumps(found.to_dict()))["sharpness"][0] is None


def test_many_planes_are_counted():
    said = diagnosis(flicker=dict.fromkeys(range(1, 9), 1.2)).messages()
    assert said[0].startswith("Brightness jumps by up to 20% at 8 planes;")


def test_planes_below_a_thousandth_are_redundant():
    shares = np.array([0.5, 0.0011, 0.0009, 0, 0.4, 0.05, 0.02, 0.01, 0.018])
    assert diagnosis(shares=shares).redundant == (3, 4)
    assert diagnosis().redundant == ()


def test_the_report_is_json_and_complete():
    steps = np.ones(COUNT - 1)
    steps[2:4] = np.nan
    found = Diagnosis(
        np.ones(COUNT),
        np.ones(COUNT),
        steps,
        unrelated=(4,),
        flicker={2: 0.5},
        duplicates=((1, 2),),
    )
    report = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert report["steps"][:5] == [1, 1, None, None, 1]
    assert report["foreign"] == [4]
    assert report["flicker"] == {"2": 0.5}
    assert report["twins"] == [[1, 2]]
    assert report["findings"] == found.messages()
    assert len(report["findings"]) == 3


def test_all_findings_are_turned_when_planes_are_counted_from_the_other_end():
    shares = np.array([0.0, *[0.125] * 8])
    odd = diagnosis(
        unrelated=(2,), blurred=(5, 8), gaps=((1, 2), (4, 5)), flicker={9: 1.5}, shares=shares
    )
    turned = odd.reversed
    assert (turned.unrelated, turned.blurred) == ((8,), (2, 5))
    assert (turned.gaps, turned.flicker) == (((5, 6), (8, 9)), {1: 1.5})
    assert turned.idle_ends == (9,)
    assert turned.messages()[-1].endswith("planes='1:8' leaves it out.")
    assert turned.best_plane == odd.reversed.reversed.best_plane - 8 == 1


def test_a_better_order_is_turned_as_a_whole():
    odd = diagnosis(order=(1, 3, 2, 4, 5, 6, 7, 8, 9), misplaced=(3,)).reversed
    assert odd.order == (1, 2, 3, 4, 5, 6, 8, 7, 9)
    assert odd.misplaced == (7,)
