"""The parts of a player that are the same for every program; braces are doubled where they are meant."""

from __future__ import annotations

from typing import Final

PREAMBLE: Final = '''\
"""Plays a program of ionloom. This file is generated: change the sequence instead."""

# program {program}, target {target}

import numpy
from artiq.coredevice.rtio import rtio_input_data, rtio_input_timestamp, rtio_output
from artiq.experiment import EnvExperiment, NumberValue, at_mu, kernel, now_mu, rpc

'''

KERNELS: Final = '''\


class {name}(EnvExperiment):
    """Records the traces, then plays shots; counts and attempts become datasets while it runs."""

    kernel_invariants = {{
        "names", "durations", "bus_ends", "loads", "first_gate", "gate_stop", "gate_channel", "gate_readout",
        "gate_input", "first_event", "times", "targets", "words", "slots", "variants", "width",
    }}

    def build(self):
        self.setattr_device("core")
        self.setattr_device("core_dma")
        self.setattr_argument("shots", NumberValue(default=100, precision=0, step=1, min=1, type="int"))

    def prepare(self):
        """Lay the traces out as columns, which kernels can read."""
        gates = [gate for trace in TRACES for gate in trace[3]]
        events = [event for trace in TRACES for event in trace[4]]
        self.names = ["ionloom_" + str(number) for number in range(len(TRACES))]
        self.durations = numpy.array([trace[0] for trace in TRACES], dtype=numpy.int64)
        self.bus_ends = numpy.array([trace[1] for trace in TRACES], dtype=numpy.int64)
        self.loads = numpy.array([trace[2] for trace in TRACES], dtype=numpy.int32)
        self.first_gate = self.offsets([len(trace[3]) for trace in TRACES])
        self.gate_stop = numpy.array([gate[0] for gate in gates] + [0], dtype=numpy.int64)
        self.gate_channel = numpy.array([gate[1] for gate in gates] + [0], dtype=numpy.int32)
        self.gate_readout = numpy.array([gate[2] for gate in gates] + [0], dtype=numpy.int32)
        self.gate_input = numpy.array([gate[3] for gate in gates] + [0], dtype=numpy.int32)
        self.first_event = self.offsets([len(trace[4]) for trace in TRACES])
        self.times = numpy.array([event[0] for event in events] + [0], dtype=numpy.int64)
        self.targets = self.words_of([event[1] for event in events])
        self.words = self.words_of([event[2] for event in events])
        self.slots = numpy.array([slot for row in SLOTS for slot in row] + [0], dtype=numpy.int32)
        self.variants = len(SLOTS)
        self.width = len(SLOTS[0])
        self.counts = [0] * (ROWS + 1)
        self.marks = [0] * (LEVELS * ROWS + 1)
        self.attempts = [0] * (LOOPS + 1)
        self.heralded = [0] * (LOOPS + 1)
        self.early = [numpy.int64(-1)] * (INPUTS + 1)
        self.timeouts = 0
        self.row = 0
        self.unread_traces = [0] * INPUT_DEPTH
        self.unread_starts = [numpy.int64(0)] * INPUT_DEPTH
        self.unread_load = 0
        self.oldest = 0
        self.newest = 0
        self.cursor = numpy.int64(0)
        self.busy = numpy.int64(0)
        self.closed = numpy.int64(0)

    def offsets(self, sizes):
        return numpy.array([sum(sizes[:number]) for number in range(len(sizes) + 1)], dtype=numpy.int32)

    def words_of(self, numbers):
        """Return numbers of 32 bits as kernels know them, with a sign."""
        return numpy.array(numbers + [0], dtype=numpy.uint32).astype(numpy.int32)

    def run(self):
        for name in sorted({{name for name, column in READOUTS if column >= 0}}):
            width = 1 + max(column for known, column in READOUTS if known == name)
            self.make_dataset(name, width)
        if LOOPS:
            self.make_dataset("attempts", LOOPS)
            self.make_dataset("heralded", LOOPS)
        self.make_dataset("timeouts", 1)
        self.play_shots()

    def make_dataset(self, name, width):
        self.set_dataset(name, numpy.zeros((self.shots, width), dtype=numpy.int32), broadcast=True)

    @rpc(flags={{"async"}})
    def keep(self, shot, counts, attempts, heralded, timeouts):
        """Put what a shot has counted into the datasets."""
        for row, (name, column) in enumerate(READOUTS):
            if column >= 0:
                self.put(name, shot, column, counts[row])
        for loop in range(LOOPS):
            self.put("attempts", shot, loop, attempts[loop])
            self.put("heralded", shot, loop, heralded[loop])
        self.put("timeouts", shot, 0, timeouts)

    def put(self, name, shot, column, value):
        self.mutate_dataset(name, ((shot, shot + 1), (column, column + 1)), value)

    @kernel
    def record(self, trace):
        """Record one trace; it starts BEFORE its timeline does."""
        with self.core_dma.record(self.names[trace]):
            for event in range(self.first_event[trace], self.first_event[trace + 1]):
                at_mu(self.times[event] + BEFORE)
                rtio_output(self.targets[event], self.words[event])
            at_mu(self.durations[trace] + BEFORE)

    @kernel
    def play(self, handles, slot):
        """Play the trace of a slot at the cursor; read old counts only if there is no room for new ones."""
        trace = self.slots[self.row + slot]
        start = self.cursor
        while self.oldest < self.newest and self.unread_load + self.loads[trace] > INPUT_DEPTH:
            self.read_oldest()
        at_mu(start - BEFORE)
        self.core_dma.playback_handle(handles[trace])
        self.cursor = start + self.durations[trace]
        if self.busy < start + self.bus_ends[trace]:
            self.busy = start + self.bus_ends[trace]
        gates = self.first_gate[trace + 1] - self.first_gate[trace]
        if gates > 0:
            self.closed = start + self.gate_stop[self.first_gate[trace + 1] - 1]
            self.unread_traces[self.newest % INPUT_DEPTH] = trace
            self.unread_starts[self.newest % INPUT_DEPTH] = start
            self.unread_load += self.loads[trace]
            self.newest += 1

    @kernel
    def read_oldest(self):
        """Read the counts of that trace which has waited longest for it."""
        trace = self.unread_traces[self.oldest % INPUT_DEPTH]
        start = self.unread_starts[self.oldest % INPUT_DEPTH]
        for gate in range(self.first_gate[trace], self.first_gate[trace + 1]):
            self.counts[self.gate_readout[gate]] += self.count(gate, start)
        self.unread_load -= self.loads[trace]
        self.oldest += 1

    @kernel
    def read(self):
        """Read all counts that nobody has read yet."""
        while self.oldest < self.newest:
            self.read_oldest()

    @kernel
    def decide(self):
        """Read all counts, and go on no earlier than the core can act on them."""
        self.read()
        ready = self.busy
        if ready < self.closed + REACTION:
            ready = self.closed + REACTION
        if self.cursor < ready + BEFORE:
            self.cursor = (ready + BEFORE + 7) & ~7

    @kernel
    def begin(self, level):
        """Begin a pass of a loop: what it counts is told apart from what was counted before."""
        self.decide()
        for row in range(ROWS):
            self.marks[level * ROWS + row] = self.counts[row]

    @kernel
    def seen(self, level, row):
        """Return what a readout has counted in this pass."""
        return self.counts[row] - self.marks[level * ROWS + row]

'''

COUNT: Final = '''\
    @kernel
    def count(self, gate, start):
        """Return the count of a gate, which the gateware sends at its end."""
        return rtio_input_data(self.gate_channel[gate])

'''

COUNT_EDGES: Final = '''\
    @kernel
    def count(self, gate, start):
        """Return the count of a gate, from the gateware or edge by edge."""
        clicks = 0
        channel = self.gate_channel[gate]
        if self.gate_input[gate] < 0:
            clicks = rtio_input_data(channel)
        else:
            stop = start + self.gate_stop[gate]
            edge = self.early[self.gate_input[gate]]
            if edge < 0:
                edge = rtio_input_timestamp(stop + GATE_LATENCY, channel)
            while 0 <= edge and edge < stop:
                clicks += 1
                edge = rtio_input_timestamp(stop + GATE_LATENCY, channel)
            # an edge that lies later belongs to the next gate
            self.early[self.gate_input[gate]] = edge
        return clicks

'''

WAIT: Final = '''\
    @kernel
    def wait(self, channel, timeout):
        """Wait for a rising edge; what follows begins a fixed time after it, or after the timeout."""
        self.decide()
        while rtio_input_timestamp(self.core.get_rtio_counter_mu(), channel) >= 0:
            pass  # an edge that came before anybody waited for it
        at_mu(self.cursor)
        rtio_output((channel << 8) | 2, 1)
        stop = self.cursor + timeout
        edge = rtio_input_timestamp(stop + GATE_LATENCY, channel)
        if edge < 0 or edge > stop:
            edge = stop
            self.timeouts += 1
        at_mu(edge + REACTION)
        rtio_output((channel << 8) | 2, 0)
        self.busy = edge + REACTION
        self.cursor = (edge + REACTION + BEFORE + 7) & ~7

'''

SHOTS: Final = '''\
    @kernel
    def play_shots(self):
        self.core.reset()
        self.cursor = now_mu()
        self.busy = now_mu()
        self.closed = now_mu() - REACTION
        for trace in range(len(self.names)):
            self.record(trace)
        handles = [self.core_dma.get_handle(name) for name in self.names]
        for shot in range(self.shots):
            for row in range(len(self.counts)):
                self.counts[row] = 0
            for loop in range(LOOPS):
                self.attempts[loop] = 0
                self.heralded[loop] = 0
            for mark in range(len(self.marks)):
                self.marks[mark] = 0
            self.timeouts = 0
            self.oldest = 0
            self.newest = 0
            self.row = (shot % self.variants) * self.width
            start = self.core.get_rtio_counter_mu() + START
            if start < self.busy:
                start = self.busy
            if start + BEFORE < self.cursor:
                start = self.cursor - BEFORE
            self.cursor = (start + BEFORE + 7) & ~7
            self.shot(handles)
            self.read()
            self.keep(shot, self.counts, self.attempts, self.heralded, self.timeouts)

    @kernel
    def shot(self, handles):
        """Play the program once."""
{body}
'''
