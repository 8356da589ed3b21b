"""The REST API: FastAPI over the service layer. It holds no rule of its own but who may ask, and how much."""
