"""Results to text: JSON, SARIF, JUnit, CSV, workflow commands, console.  Results in, text out."""
