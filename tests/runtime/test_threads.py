"""Pieces are worked on side by side, in order, and a stop leaves nothing running."""

import threading
import time

import pytest
import torch

from napari_focusstack.runtime.threads import MAX_WORKERS, map_in_threads, worker_count

CPU = torch.device("cpu")


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_results_come_in_the_order_of_the_pieces_however_long_each_takes(two_threads):
    def work(piece):
        time.sleep(0.02 * (piece % 3 == 0))
        return piece**2

    assert list(map_in_threads(work, range(10), CPU)) == [piece**2 for piece in range(10)]


def test_two_pieces_are_worked_on_at_a_time_with_one_torch_thread_each(two_threads):
    together = threading.Barrier(2)
    seen = []

    def work(piece):
        together.wait(timeout=5)  # broken unless another piece is there as well
        seen.append(torch.get_num_threads())

    assert len(list(map_in_threads(work, range(4), CPU))) == 4
    assert seen == [1, 1, 1, 1]
    assert torch.get_num_threads() == 2


def test_no_more_pieces_are_worked_on_at_a_time_than_the_limit_that_is_given(two_threads):
    seen = []

    def work(piece):
        seen.append((threading.current_thread(), torch.get_num_threads()))

    list(map_in_threads(work, range(3), CPU, workers=1))
    assert len({thread for thread, _ in seen}) == 1
    assert [threads for _, threads in seen] == [1, 1, 1]  # as beside others: bits depend on it


def test_pieces_are_drawn_as_the_work_goes_on(two_threads):
    drawn = []

    def pieces():
        for piece in range(20):
            drawn.append(piece)
            yield piece

    answers = map_in_threads(lambda piece: piece, pieces(), CPU)
    assert next(answers) == 0
    assert len(drawn) <= 4
    answers.close()
    assert len(drawn) <= 4


def test_closing_finishes_what_was_begun_and_begins_nothing_more(two_threads):
    begun, ended = [], []

    def work(piece):
        begun.append(piece)
        time.sleep(0.02)
        ended.append(piece)
        return piece

    answers = map_in_threads(work, range(100), CPU)
    next(answers)
    answers.close()
    assert sorted(begun) == sorted(ended)
    assert len(begun) <= 4


def test_an_error_in_a_piece_reaches_the_caller_and_threads_are_as_before(two_threads):
    def work(piece):
        if piece == 3:
            raise ValueError("piece 3")
        return piece

    answers = map_in_threads(work, range(10), CPU)
    with pytest.raises(ValueError, match="piece 3"):
        list(answers)
    assert torch.get_num_threads() == 2


def test_with_one_thread_or_on_a_gpu_the_caller_itself_works(two_threads):
    assert worker_count(torch.device("cuda")) == 1
    torch.set_num_threads(1)
    caller = threading.get_ident()
    assert list(map_in_threads(lambda _: threading.get_ident(), range(3), CPU)) == [caller] * 3


def test_no_more_pieces_than_memory_is_meant_for_are_worked_on_at_a_time():
    before = torch.get_num_threads()
    torch.set_num_threads(16)
    try:
        assert worker_count(CPU) == MAX_WORKERS
    finally:
        torch.set_num_threads(before)


def test_pieces_at_a_time_fit_into_the_budget(two_threads):
    assert worker_count(CPU) == 2
    assert [worker_count(CPU, budget, 10) for budget in (5, 19, 20, 1000)] == [1, 1, 2, 2]
