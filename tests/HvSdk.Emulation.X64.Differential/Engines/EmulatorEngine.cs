using System.Runtime.InteropServices;

namespace HvSdk.Emulation.Differential;

/// <summary>Runs cases on the emulator.</summary>
public sealed class EmulatorEngine : IEngine
{
    private const long MaxInstructions = 20_000;
    private const int MaxAccesses = 20_000;
    private const int MaxSteps = 2_000;

    private readonly Machine _machine;
    private readonly EmulatorMemory _memory;
    private readonly X64Emulator _emulator;
    private readonly X64CpuState _state = new();

    /// <summary>Makes the machine of a mode.</summary>
    /// <param name="mode">The mode.</param>
    /// <param name="options">What the emulated processor is like; null: it has everything.</param>
    /// <param name="cpuid">What CPUID answers; null: nothing but the sizes of addresses.</param>
    public EmulatorEngine(MachineMode mode, X64EmulatorOptions? options = null, X64CpuidTable? cpuid = null)
    {
        _emulator = new X64Emulator(options);
        _machine = Machine.Of(mode);
        _memory = new EmulatorMemory(_machine.Ram.Span) { Cpuid = cpuid };
    }

    /// <summary>The arena answers as a device does, an access at a time; the result must be the same.</summary>
    public bool IsArenaDevice
    {
        get => _memory.IsArenaDevice;
        set => _memory.IsArenaDevice = value;
    }

    /// <summary>Pages that the last case wrote, its code among them.</summary>
    public IReadOnlyList<int> DirtyPages => _memory.Dirty;

    /// <summary>RAM as the last case left it.</summary>
    public ReadOnlySpan<byte> Ram => _memory.Ram;

    /// <summary>Accesses that left the emulator, so far.</summary>
    public long Accesses { get; private set; }

    /// <inheritdoc/>
    public void Run(TestCase test, Outcome outcome)
    {
        ArgumentNullException.ThrowIfNull(test);
        ArgumentNullException.ThrowIfNull(outcome);
        Start(test);
        outcome.Detail = "";
        EndKind end = RunToEnd(outcome);
        _state.GetRegisters(out X64Registers registers);
        outcome.Registers = registers;
        outcome.SpecialRegisters = _state.SpecialRegisters;
        outcome.DebugRegisters = _state.DebugRegisters;
        outcome.Xcr0 = _state.Xcr0;
        for (int i = 0; i < outcome.Msrs.Length; i++)
        {
            outcome.Msrs[i] = _memory.Msrs.GetValueOrDefault(SystemMap.Msrs[i]);
        }

        CaseState.SetEnd(outcome, end);
        _state.Xsave[..TestCase.XsaveSize].CopyTo(outcome.Xsave);
        outcome.NormalizeXsave();
        _memory.Ram[..MachineMap.ComparedSize].CopyTo(outcome.Memory);
    }

    /// <summary>Gives memory its first contents again.</summary>
    public void Reset() => _memory.Reset(_machine.Ram.Span);

    /// <summary>Looks whether a case comes to bytes that are none of its instructions, none of a handler and none of what far transfers shall end at.</summary>
    /// <param name="test">The case. Memory is as before it afterwards.</param>
    /// <param name="bytes">What lies where it comes to first, and behind that.</param>
    public bool TryFindStrayCode(TestCase test, out MemoryPatch bytes)
    {
        ArgumentNullException.ThrowIfNull(test);
        bytes = default;
        Start(test);
        EmulatorMachine machine = new(_memory);
        bool isFound = false;
        bool isOver = false;
        for (int step = 0; step < MaxSteps && !isFound && !isOver; step++)
        {
            ulong place = InstructionAddress();
            if (!IsOfCase(test, place) && place <= MachineMap.RamSize - sizeof(ulong))
            {
                bytes = new(place, BitConverter.ToUInt64(_memory.Ram[(int)place..]));
                isFound = true;
            }
            else if (_emulator.Run(_state, ref machine, 1) is var result && result == X64EmulationResult.Access)
            {
                X64EmulatedAccess access = _emulator.Access;
                isOver = access is { IsPort: true, IsWrite: true, Address: MachineMap.EndPort };
                Answer(access);
            }
            else
            {
                isOver = result != X64EmulationResult.LimitReached;
            }
        }

        Reset();
        return isFound;
    }

    // Linear, which is physical but for holes.
    private ulong InstructionAddress()
    {
        _state.GetRegisters(out X64Registers registers);
        X64SpecialRegisters special = _state.SpecialRegisters;
        bool is64 = special.Cs.IsLong && (special.Efer & X64Efer.LongModeActive) != 0;
        return is64 ? registers.Rip : (uint)(registers.Rip + special.Cs.Base);
    }

    private static bool IsOfCase(TestCase test, ulong address) =>
        address - test.CodeAddress < (ulong)test.Code.Length
        || address is (>= MachineMap.Landing and < MachineMap.Landing + MachineMap.PageSize) or (>= MachineMap.Handlers and < MachineMap.Handlers + (256 * MachineMap.HandlerSize));

    private void Start(TestCase test)
    {
        foreach (MemoryPatch patch in test.Patches)
        {
            _memory.Write(patch.Address, MemoryMarshal.AsBytes([patch.Value]));
        }

        _memory.Write(test.CodeAddress, test.Code);
        _state.SpecialRegisters = CaseState.SpecialRegisters(test);
        _state.DebugRegisters = test.System?.Debug ?? new() { Dr6 = 0xFFFF_0FF0, Dr7 = 0x400 };
        SetMsrs(test.System);
        _state.SetRegisters(test.Registers);
        _state.Xcr0 = 7;
        _state.Xsave.Clear();
        test.Xsave.CopyTo(_state.Xsave);
        _state.IsVectorStateLoaded = true;
        _state.IsHalted = false;
        _state.InterruptShadow = X64InterruptShadow.None;
        _emulator.CancelAccess();
    }

    private void SetMsrs(SystemState? system)
    {
        _memory.Msrs.Clear();
        for (int i = 0; system is not null && i < SystemMap.Msrs.Length; i++)
        {
            _memory.Msrs[SystemMap.Msrs[i]] = system.Msrs[i];
        }
    }

    private EndKind RunToEnd(Outcome outcome)
    {
        EmulatorMachine machine = new(_memory);
        for (int accesses = 0; accesses < MaxAccesses; accesses++)
        {
            switch (_emulator.Run(_state, ref machine, MaxInstructions))
            {
                case X64EmulationResult.Access:
                    X64EmulatedAccess access = _emulator.Access;
                    if (access is { IsPort: true, IsWrite: true, Address: MachineMap.EndPort })
                    {
                        return EndKind.End;
                    }

                    Answer(access);
                    break;
                case X64EmulationResult.Halted:
                    return EndKind.Handler;
                case X64EmulationResult.Shutdown:
                    return EndKind.Shutdown;
                case X64EmulationResult.Unsupported:
                    outcome.Detail = Convert.ToHexString(_emulator.Instruction);
                    return EndKind.Unsupported;
                case X64EmulationResult.LimitReached:
                    return EndKind.Timeout;
                case var other:
                    outcome.Detail = other.ToString();
                    return EndKind.Other;
            }
        }

        return EndKind.Timeout;
    }

    // Ports and holes of memory read as all ones.
    private void Answer(in X64EmulatedAccess access)
    {
        Accesses++;
        bool isArena = !access.IsPort && access.Address is >= MachineMap.Arena and < MachineMap.ArenaEnd;
        if (access.IsWrite)
        {
            if (isArena)
            {
                _memory.Write(access.Address, access.Data);
            }
        }
        else if (isArena)
        {
            _memory.Ram.Slice((int)access.Address, access.Size).CopyTo(access.Data);
        }
        else
        {
            access.Data.Fill(0xFF);
        }
    }
}
