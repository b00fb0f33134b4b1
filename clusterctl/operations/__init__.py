"""In which order: observe, plan, confirm, execute, report. Decides nothing about placement."""
