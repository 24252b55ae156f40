"""What the DAGs tell each other. An event carries nothing but its partition: a region or a model."""

from airflow.sdk import Asset

INPUTS = Asset("pipeline://inputs")
"""Accepted DEM and inventory of a region; partition: the region."""

DATASET = Asset("pipeline://dataset")
"""Accepted training data of a model; partition: the model."""

CANDIDATE = Asset("pipeline://candidate")
"""A model that passed its gate; partition: the model."""

MODEL = Asset("pipeline://model")
"""A released model, or new ground for it to map; partition: the model."""
