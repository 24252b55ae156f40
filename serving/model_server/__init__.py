"""An embedded model server: the part of TensorFlow Serving's API that the pipeline and its users need.

Production runs the `tensorflow/serving` image on the same folder and the same configuration file; this server
stands in for it where no container runs. Anything it does not speak is answered UNIMPLEMENTED.

    python -m serving.model_server --root DIR --config FILE --grpc 127.0.0.1:8500 --rest 127.0.0.1:8501

The file is read again every second; `serving.sync` writes it. Requests over gRPC may replace what it says until it
is read next, as with TensorFlow Serving's --model_config_file_poll_wait_seconds.

gRPC   tensorflow.serving.PredictionService: Predict, GetModelMetadata (signature_def)
       tensorflow.serving.ModelService: GetModelStatus, HandleReloadConfigRequest
REST   POST /v1/models/M[/versions/N|/labels/L]:predict   GET /v1/models/M[/versions/N|/labels/L][/metadata]
       GET /healthz   GET /monitoring/prometheus/metrics
"""
