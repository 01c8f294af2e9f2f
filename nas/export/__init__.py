"""From a trained network to a TFLite file: conversion, the Edge TPU's view of it, running it."""
