"""The parts of Scripts/crash-loop.py."""
