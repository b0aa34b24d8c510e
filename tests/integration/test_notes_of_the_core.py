"""What the timing core has to say about a point reaches who runs it."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from control.cli.run import run
from control.cli.show import show

IMPATIENT = """
from control import Experiment
from sequences import Readout, Trigger, serial, us, delay


class Impatient(Experiment):
    '''Waits for the mains, but not long enough.'''

    def sequence(self, node):
        mains = Trigger.of(node.target, "line_trigger")
        return serial(
            mains.wait(1 * us), delay(8 * us), node.detector_h.gate(80 * us, Readout("dark"))
        )
"""


def test_a_missed_trigger_is_told(tmp_path: Path) -> None:
    file = tmp_path / "impatient.py"
    file.write_text(IMPATIENT)
    arguments = [str(file), "--out", str(tmp_path), "--seed", "1", "-p", "shots=5", "--json"]
    result = CliRunner().invoke(run, arguments, catch_exceptions=False)
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("{")]
    (note,) = json.loads(line)["notes"]
    assert note.startswith("channel 'line_trigger': no trigger within 1 us, 5 times")
    shown = CliRunner().invoke(show, ["latest", "--out", str(tmp_path)], catch_exceptions=False)
    assert note in shown.output
