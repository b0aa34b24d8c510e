"""The full master equation of cavity-mediated Raman emission, for whoever doubts the reduced one.

`emit` takes what `raman.emit` takes and answers with what it answers, and more: every Zeeman sublevel of
S1/2, P3/2 and D5/2, both modes, both tones on every line of S1/2-P3/2 with their beat as it is, spontaneous
decay on every line, birefringence and lock jitter. Nothing is eliminated or averaged. It takes about a second
for 50 us of light and one coupling, where the reduced model takes a millisecond;
`tests/physics/test_photon_models.py` says how well they agree.

Three modules: `sector` is the physics, `jumps` the numerical method, `emission` the stretches of light.
"""

from hardware_sim.physics.reference.emission import FullEmission, emit

__all__ = ["FullEmission", "emit"]
