"""How right an analyser is: labelled comments, figures with intervals, baselines, pairs, a report."""
