"""``python -m nebius_model_resource`` is ``nebius-models``."""

import sys

from nebius_model_resource._cli.main import main

sys.exit(main())
