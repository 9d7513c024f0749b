using System.Runtime.InteropServices;
using HvSdk.Backends.Whp.Interop;
using HvSdk.Emulation;

namespace HvSdk.Backends.Whp;

/// <summary>How the emulation of an instruction came back.</summary>
internal enum WhpEmulationResult
{
    /// <summary>The instruction is done, and the platform has its results.</summary>
    Done,

    /// <summary>It needs an access.</summary>
    Access,

    /// <summary>It ends in an exit of another kind.</summary>
    Exit,
}

/// <summary>Completes instructions that the platform hands out: the state is fetched, one instruction emulated, and what it changed written back.</summary>
/// <remarks>
/// The emulator fetches the instruction itself, through the guest's page tables: the bytes of the exit may be missing. Exceptions go to the
/// platform, which knows how to deliver them.
/// </remarks>
internal sealed class WhpEmulation
{
    private const int GeneralCount = 18;

    /// <summary>What the state is made of: general registers, segments and tables, control registers (0 to 0x20 of the names), EFER and the shadow.</summary>
    private static readonly WHV_REGISTER_NAME[] s_names =
    [
        .. Enumerable.Range(0, (int)WHV_REGISTER_NAME.WHvX64RegisterCr8 + 1).Select(static name => (WHV_REGISTER_NAME)name),
        WHV_REGISTER_NAME.WHvX64RegisterEfer,
        WHV_REGISTER_NAME.WHvRegisterInterruptState,
    ];

    private readonly X64Emulator _emulator = new(new X64EmulatorOptions { DeliverExceptions = false });
    private readonly X64CpuState _state = new();
    private readonly WhpRegisterFile _registers;
    private readonly WhpX64Vcpu _x64;
    private readonly WhpDebugger _debugger;
    private readonly ulong[] _before = new ulong[GeneralCount];
    private X64SpecialRegisters _specialBefore;
    private X64InterruptShadow _shadowBefore;
    private bool _nmiMaskedBefore;
    private WhpMachine _machine;

    internal WhpEmulation(WhpPartition partition, WhpRegisterFile registers, WhpX64Vcpu x64, WhpDebugger debugger)
    {
        _registers = registers;
        _debugger = debugger;
        _x64 = x64;
        _machine = new WhpMachine(partition, registers, x64);
    }

    /// <summary>Held while the emulator touches guest memory.</summary>
    internal object Gate { get; } = new();

    /// <summary>Bytes of the access that is open.</summary>
    internal Span<byte> Data => _emulator.Access.Data;

    internal void Cancel() => _emulator.CancelAccess();

    /// <summary>Fetches the state, for an instruction that has not begun.</summary>
    internal bool TryBegin(out int error)
    {
        s_names.CopyTo(_registers.Names);
        error = _registers.TryGet(s_names.Length);
        if (error < 0)
        {
            return false;
        }

        ReadOnlySpan<WHV_REGISTER_VALUE> values = _registers.Values;
        for (int i = 0; i < GeneralCount; i++)
        {
            _before[i] = values[i].Reg64;
        }

        WHV_X64_INTERRUPT_STATE_REGISTER events = values[s_names.Length - 1].InterruptState;
        _nmiMaskedBefore = events.NmiMasked != 0;
        _shadowBefore = events.InterruptShadow != 0 ? X64InterruptShadow.Sti : X64InterruptShadow.None;
        _specialBefore = WhpRegisters.ToSpecial(values, efer: values[s_names.Length - 2].Reg64);
        _state.SetRegisters(WhpRegisters.ToGeneral(values));
        _state.SpecialRegisters = _specialBefore;
        _state.InterruptShadow = _shadowBefore;
        _state.IsNmiBlocked = _nmiMaskedBefore;
        _state.IsHalted = false;
        _state.IsVectorStateLoaded = false;
        _state.Modified = X64StateGroups.None;

        // The guest, and other vCPUs, may have changed the tables since the last instruction.
        _emulator.FlushTranslations();
        return true;
    }

    /// <summary>Goes on with the instruction.</summary>
    internal WhpEmulationResult Run(ReadOnlySpan<byte> raw, out VcpuExit exit)
    {
        exit = default;
        X64EmulationResult result;
        lock (Gate)
        {
            result = _emulator.Run(_state, ref _machine, 1);
        }

        switch (result)
        {
            case X64EmulationResult.Access:
                X64EmulatedAccess access = _emulator.Access;
                exit = access.IsPort
                    ? ExitFactory.Port(access.IsWrite, (ushort)access.Address, access.Data, 1)
                    : ExitFactory.Mmio(access.IsWrite, access.Address, access.Data);
                return WhpEmulationResult.Access;
            case X64EmulationResult.LimitReached:
                WriteBack();
                return WhpEmulationResult.Done;
            case X64EmulationResult.Exception when IsBreakpointOfHost():
                // As where the platform executes INT3: the state stays at the instruction.
                exit = ExitFactory.Debug(DebugCause.SoftwareBreakpoint, _specialBefore.Cs.Base + _before[(int)WHV_REGISTER_NAME.WHvX64RegisterRip], 0, raw);
                return WhpEmulationResult.Exit;
            case X64EmulationResult.Exception:
                WriteBack();
                _x64.Raise(_emulator.Exception);
                return WhpEmulationResult.Done;
            case X64EmulationResult.Halted:
                WriteBack();
                if (_x64.TryHalt())
                {
                    return WhpEmulationResult.Done;
                }

                exit = ExitFactory.Plain(VcpuExitKind.Halt);
                return WhpEmulationResult.Exit;
            case X64EmulationResult.Shutdown:
                exit = ExitFactory.Plain(VcpuExitKind.Shutdown);
                return WhpEmulationResult.Exit;
            default:
                // Nothing of it was done.
                exit = ExitFactory.EmulationFailure(_machine.CopyInstruction(_emulator.Instruction), (uint)result, raw);
                return WhpEmulationResult.Exit;
        }
    }

    private bool IsBreakpointOfHost()
    {
        const byte int3 = 0xCC;
        return _debugger.StopsAtSoftwareBreakpoints
            && _emulator.Exception is { Vector: (byte)WHV_EXCEPTION_TYPE.WHvX64ExceptionTypeBreakpointTrap, IsTrap: true }
            && _emulator.Instruction[^1] == int3; // not the INT of two bytes
    }

    /// <summary>Gives the platform what the instruction has changed: mostly RIP, and a register.</summary>
    private void WriteBack()
    {
        _state.GetRegisters(out X64Registers general);
        Span<ulong> after = stackalloc ulong[GeneralCount];
        WhpRegisters.FromGeneral(general, after);
        int count = 0;
        Span<WHV_REGISTER_NAME> names = _registers.Names;
        Span<WHV_REGISTER_VALUE> values = _registers.Values;
        for (int i = 0; i < GeneralCount; i++)
        {
            if (after[i] != _before[i])
            {
                names[count] = (WHV_REGISTER_NAME)i;
                values[count++] = new WHV_REGISTER_VALUE { Reg64 = after[i] };
            }
        }

        if (_state.InterruptShadow != _shadowBefore || _state.IsNmiBlocked != _nmiMaskedBefore)
        {
            names[count] = WHV_REGISTER_NAME.WHvRegisterInterruptState;
            values[count] = default;
            values[count].InterruptState.InterruptShadow = _state.InterruptShadow == X64InterruptShadow.None ? 0U : 1;
            values[count++].InterruptState.NmiMasked = _state.IsNmiBlocked ? 1U : 0;
        }

        if (count > 0)
        {
            _registers.Set(count);
        }

        if ((_state.Modified & ~(X64StateGroups.Registers | X64StateGroups.Events)) != 0)
        {
            WriteBackRare();
        }
    }

    private void WriteBackRare()
    {
        if ((_state.Modified & X64StateGroups.SpecialRegisters) != 0 && _state.SpecialRegisters != _specialBefore)
        {
            _x64.WriteSpecialRegisters(_state.SpecialRegisters, withApicBase: false);
        }

        if ((_state.Modified & X64StateGroups.DebugRegisters) != 0)
        {
            _x64.SetDebugRegisters(_state.DebugRegisters);
        }

        if ((_state.Modified & X64StateGroups.Xcr0) != 0)
        {
            _registers.Set64(WHV_REGISTER_NAME.WHvX64RegisterXCr0, _state.Xcr0);
        }

        if ((_state.Modified & X64StateGroups.Vector) != 0)
        {
            _x64.SetXsave(_state.Xsave);
        }
    }
}
