import sys

from odelt.cli import main

sys.exit(main())
