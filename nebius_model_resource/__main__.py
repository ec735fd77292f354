"""``python -m nebius_model_resource`` is ``nebius-models``."""

import sys

from nebius_model_resource.command import main

sys.exit(main())
