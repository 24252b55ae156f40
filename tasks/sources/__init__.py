"""Where data comes from: web services that answer JSON, downloads, and files below PIPELINE_DATA."""
