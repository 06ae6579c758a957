"""cxnlp reads what customers write and tells each department what to fix.

>>> import cxnlp
>>> frame = cxnlp.analyse(["Waited forty minutes on hold, but the agent was lovely."])
>>> frame["overall"].item()
'mixed'
>>> sorted(cxnlp.findings(frame)["topic"])
['staff_attitude', 'wait_time']
"""

from cxnlp.analysis.frames import analyse, findings

__all__ = ["analyse", "findings"]
