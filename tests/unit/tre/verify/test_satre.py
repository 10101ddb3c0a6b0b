"""Which SATRE statements a report may say are evidenced."""

from __future__ import annotations

from components.backend import PROMISES
from tre.verify import satre


def test_the_specification_is_there_whole() -> None:
    assert len(satre.statements()) == 185
    assert satre.machine_count() == 141


def test_every_promise_serves_statements_that_a_machine_can_evidence() -> None:
    wrong = [
        (name, each)
        for name, promise in PROMISES.items()
        for each in promise.satre
        if each not in satre.statements() or not satre.statements()[each].machine
    ]
    assert wrong == []
    assert all(promise.satre for promise in PROMISES.values())


def test_a_statement_counts_only_while_every_promise_that_serves_it_is_kept() -> None:
    served = [(("2.2.11", "3.1.12"), True), (("3.1.12",), False), (("2.8.01",), False)]
    assert satre.evidenced(served) == (["2.2.11"], ["3.1.12"])
