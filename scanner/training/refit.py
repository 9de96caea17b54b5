"""A network's temperature and threshold fitted anew on what people have verified in a run folder."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import OutputError, UsageError
from scanner.ledger import Ledger, ledger_errors
from scanner.network import INT8, in_fields, read_network_files, softmax
from scanner.order import Order
from scanner.publish import ORDER_NOTE
from scanner.review import Book
from scanner.review.guarantee import drawn_by_lot
from scanner.staging import LEDGER
from scanner.teach import verified_digits
from scanner.training.calibrate import choose_threshold, fit_temperature
from scanner.training.evaluate import onnx_logits
from scanner.training.export import write_card

FEWEST = 500  # digits that a temperature can be fitted on
FEWEST_FOR_THRESHOLD = 5000  # that tell what is wrong once in 2,000


@dataclass(frozen=True, slots=True)
class Refit:
    """What came of it: the card that was written, on how many digits it rests, and the figures before and after."""

    card: Path
    digits: int
    temperature: tuple[float, float]
    threshold: tuple[float, float]


def refit(output: Path, out: Path, name: str) -> Refit:
    """Fit the network of a run folder to its verified fields, and write it with a new card.

    Only fields drawn by lot count: those that went to review are the doubtful ones, and would make it shy.

    Args:
        output: the folder of a run.
        out: where NAME.json and the weights beside it are written.
        name: of the network.

    Raises:
        UsageError: too little is verified.
        OutputError: the files cannot be written.
    """
    with ledger_errors(output / LEDGER), Ledger(output, to_look=True) as ledger, Book(output) as book:
        keys = {each.key for each in drawn_by_lot(ledger, book)}
        order = ledger.note(ORDER_NOTE)
    files = read_network_files(Order.from_json(order).model if order else None)
    digits = verified_digits(output, keys) if keys else None
    count = 0 if digits is None else len(digits.labels)
    if digits is None or count < FEWEST:
        raise UsageError(
            f"{output}: {count:,} digits are verified by lot, {FEWEST - count:,} more are needed; have a person look "
            "at more with `scanner review --sample`"
        )
    logits = onnx_logits(files.path, digits.images)
    temperature = fit_temperature(logits, digits.labels)
    threshold = files.card.accept_threshold
    if count >= FEWEST_FOR_THRESHOLD:
        scores = in_fields(softmax(logits, temperature), files.card.classes)
        threshold = min(choose_threshold(scores.max(axis=1), scores.argmax(axis=1) == digits.labels), 1.0)
    source = files.path.with_name(f"{files.card.name}.json")
    card = json.loads(source.read_text(encoding="utf-8"))
    card |= {"name": name, "temperature": round(temperature, 4), "accept_threshold": threshold}
    card |= {"calibrated_on": {"digits": count, "run": output.resolve().name}}
    suffix = INT8 if files.path.stem.endswith(INT8) else ""
    try:
        out.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(files.path, out / f"{name}{suffix}.onnx")
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error}); choose another folder with --out") from error
    write_card(card, out / f"{name}.json")
    before = files.card.temperature, files.card.accept_threshold
    return Refit(out / f"{name}.json", count, (before[0], temperature), (before[1], threshold))
