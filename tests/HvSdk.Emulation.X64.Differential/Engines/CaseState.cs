namespace HvSdk.Emulation.Differential;

/// <summary>What engines make of a case in the same way.</summary>
internal static class CaseState
{
    /// <summary>The special registers that a case starts with.</summary>
    public static X64SpecialRegisters SpecialRegisters(TestCase test)
    {
        X64SpecialRegisters registers = test.System?.Registers ?? Machine.Of(test.Mode).SpecialRegisters;
        if (test.Mode is MachineMode.Long64User or MachineMode.Long64Kernel)
        {
            registers.Fs = registers.Fs with { Base = test.FsBase };
            registers.Gs = registers.Gs with { Base = test.GsBase };
        }

        return registers;
    }

    /// <summary>Sets how a case ended, and the handler's vector.</summary>
    public static void SetEnd(Outcome outcome, EndKind end)
    {
        outcome.End = end;
        outcome.Vector = 0;
        if (end != EndKind.Handler)
        {
            return;
        }

        // RIP is after the handler's HLT, its first instruction.
        ulong offset = outcome.Registers.Rip - 1 - MachineMap.Handlers;
        if (offset % MachineMap.HandlerSize == 0 && offset / MachineMap.HandlerSize < 256)
        {
            outcome.Vector = (int)(offset / MachineMap.HandlerSize);
        }
        else
        {
            outcome.End = EndKind.Other;
            outcome.Detail = $"halted at {outcome.Registers.Rip:X}";
        }
    }
}
