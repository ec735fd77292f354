from nebius_model_resource._edges.plugin.server import main

main()
