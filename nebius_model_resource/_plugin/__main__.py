from nebius_model_resource._plugin.server import main

main()
