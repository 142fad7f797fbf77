"""The subject: Neural ODEs of the first paper on trial. The court finds it through its `Paper` record alone."""
