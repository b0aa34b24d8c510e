"""A program as JSON, for programs other than ours: readable, versioned, and read back exactly.

What stands in it is declared in `sequences.targets.json_form.schema`.

Example:
    >>> from sequences import Channel, Kind, Line, Target, compile_sequence, ns, sequence
    >>> lab = Target("lab", 1 * ns, (Channel("shutter", Kind.TTL, 0, grid=1 * ns),))
    >>> program = compile_sequence(sequence("blink", Line.of(lab, "shutter").pulse(10 * ns)), lab)
    >>> text = print_json(program)
    >>> parse_json(text) == program
    True
    >>> print(text[text.index('"events"') :])
    "events": [
            [0, "shutter", "level", 1, 0],
            [10, "shutter", "level", 0, 0]
          ]
        }
      ],
      "shot_values": []
    }
    <BLANKLINE>
"""

from sequences.targets.json_form.printing import print_json
from sequences.targets.json_form.reading import JsonFormError, parse_json

__all__ = ["JsonFormError", "parse_json", "print_json"]
