"""The bundled models and the embedders."""
