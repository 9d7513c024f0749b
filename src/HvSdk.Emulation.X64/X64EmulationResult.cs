namespace HvSdk.Emulation;

/// <summary>Why <see cref="X64Emulator.Run{TMachine}"/> came back.</summary>
public enum X64EmulationResult
{
    /// <summary>As many instructions as asked for were executed. A repeated string instruction may be in its middle, with RIP at it, as after an interrupt.</summary>
    LimitReached,

    /// <summary>A port or memory access must be done by the caller: <see cref="X64Emulator.Access"/>. The next call goes on with the instruction.</summary>
    Access,

    /// <summary>The guest executed HLT: RIP is behind it and <see cref="X64CpuState.IsHalted"/> is set.</summary>
    Halted,

    /// <summary>An exception, where <see cref="X64EmulatorOptions.DeliverExceptions"/> is off: <see cref="X64Emulator.Exception"/>. A fault leaves the state at the instruction, a trap behind it.</summary>
    Exception,

    /// <summary>An instruction, or a part of one, that the emulator does not do: <see cref="X64Emulator.Instruction"/>. The state is at the instruction; nothing of it was done.</summary>
    Unsupported,

    /// <summary>A triple fault: the processor has shut down.</summary>
    Shutdown,

    /// <summary>VMCALL or VMMCALL: <see cref="X64Emulator.Instruction"/>. The state is behind the instruction.</summary>
    Hypercall,
}
