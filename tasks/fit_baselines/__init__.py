"""What a model has to beat: methods that know nothing, or only the slope."""
