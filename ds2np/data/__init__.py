"""Manifests, features and minibatches."""
