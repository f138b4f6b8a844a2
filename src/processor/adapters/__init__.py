"""The edges: S3, DynamoDB and Glue."""
