"""RGB pictures to terminal cells and bytes; numpy only."""
