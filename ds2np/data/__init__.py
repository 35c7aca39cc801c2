"""Manifests, features and minibatches. Chapter 06 orders and pads minibatches."""
