"""What Perennial does, told as stories: each module is one kind of work, from its message to its last row."""
