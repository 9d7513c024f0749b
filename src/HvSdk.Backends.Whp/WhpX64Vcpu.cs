using HvSdk.Backends.Whp.Interop;

namespace HvSdk.Backends.Whp;

/// <summary>Registers and state of a virtual processor.</summary>
internal sealed partial class WhpX64Vcpu : X64VcpuBackend
{
    private readonly WhpVcpu _vcpu;
    private readonly WhpPartition _partition;
    private readonly WhpRegisterFile _registers;
    private readonly WhpDebugger _debugger;
    private readonly ulong[] _registersAtAccess = new ulong[WhpRegisters.GeneralCount];
    private X64Registers _deferredRegisters;
    private bool _hasDeferredRegisters;

    internal WhpX64Vcpu(WhpVcpu vcpu, WhpPartition partition, WhpRegisterFile registers, WhpDebugger debugger)
    {
        _vcpu = vcpu;
        _partition = partition;
        _registers = registers;
        _debugger = debugger;
    }

    public override long TscFrequency => _partition.Host.Platform.ClockFrequency is > 0 and var frequency
        ? (long)frequency
        : throw WhpError.FromResult(
            $"{nameof(WhvFunctions.WHvGetCapability)}({nameof(WHV_CAPABILITY_CODE.WHvCapabilityCodeProcessorClockFrequency)})",
            HRESULTS.WHV_E_UNKNOWN_CAPABILITY);

    /// <summary>
    /// Puts a new virtual processor where a processor begins (Intel SDM vol. 3A, table 9-1): the platform begins at another CS base, and may keep
    /// the time-stamp counter.
    /// </summary>
    internal unsafe void Reset()
    {
        const ulong resetRip = 0xFFF0;
        const ulong reservedFlag = 2;
        Span<WHV_REGISTER_NAME> names = _registers.Names;
        Span<WHV_REGISTER_VALUE> values = _registers.Values;
        names[0] = WHV_REGISTER_NAME.WHvX64RegisterCs;
        values[0] = new WHV_REGISTER_VALUE
        {
            Segment = WhpRegisters.FromSegment(X64Segment.RealMode(0xF000, isCode: true) with { Base = 0xFFFF_0000 }),
        };
        names[1] = WHV_REGISTER_NAME.WHvX64RegisterRip;
        values[1] = new WHV_REGISTER_VALUE { Reg64 = resetRip };
        names[2] = WHV_REGISTER_NAME.WHvX64RegisterRflags;
        values[2] = new WHV_REGISTER_VALUE { Reg64 = reservedFlag };
        _registers.Set(3);

        // Counters of vCPUs that already run are the measure of a later one's.
        if (!_partition.HasRun)
        {
            TrySetTsc(0);
        }
    }

    /// <summary>Sets the time-stamp counter; the partition's time stands until a vCPU is entered, so that those of all vCPUs agree.</summary>
    internal unsafe void TrySetTsc(ulong value)
    {
        WhvFunctions functions = _partition.Native.Functions;
        if (functions.WHvSuspendPartitionTime is not null)
        {
            functions.WHvSuspendPartitionTime(_partition.Native.Number);
        }

        int result = _registers.TrySet(WHV_REGISTER_NAME.WHvX64RegisterTsc, new WHV_REGISTER_VALUE { Reg64 = value });
        if (result < 0)
        {
            Log.TscKept(_partition.Host.Logger, (int)_vcpu.Index, WhpError.Describe(result));
        }
    }

    public override void GetRegisters(out X64Registers registers) => registers = _hasDeferredRegisters ? _deferredRegisters : ReadRegisters();

    public override void SetRegisters(in X64Registers registers)
    {
        if (!_vcpu.IsAccessPending)
        {
            WriteRegisters(registers);
            return;
        }

        if (!_hasDeferredRegisters)
        {
            WhpRegisters.FromGeneral(ReadRegisters(), _registersAtAccess);
            _hasDeferredRegisters = true;
        }

        _deferredRegisters = registers;
    }

    /// <summary>
    /// Gives the platform the registers that the caller has changed while an access was open, which is complete now; the others are the
    /// instruction's. Who has moved RIP has given the instruction up: all registers are the caller's then.
    /// </summary>
    internal void ApplyDeferredRegisters()
    {
        if (!_hasDeferredRegisters)
        {
            return;
        }

        _hasDeferredRegisters = false;
        Span<ulong> wanted = stackalloc ulong[WhpRegisters.GeneralCount];
        WhpRegisters.FromGeneral(_deferredRegisters, wanted);
        bool isGivenUp = wanted[(int)WHV_REGISTER_NAME.WHvX64RegisterRip] != _registersAtAccess[(int)WHV_REGISTER_NAME.WHvX64RegisterRip];
        Span<WHV_REGISTER_NAME> names = _registers.Names;
        Span<WHV_REGISTER_VALUE> values = _registers.Values;
        int count = 0;
        for (int i = 0; i < wanted.Length; i++)
        {
            if (isGivenUp || wanted[i] != _registersAtAccess[i])
            {
                names[count] = (WHV_REGISTER_NAME)i;
                values[count++] = new WHV_REGISTER_VALUE { Reg64 = wanted[i] };
            }
        }

        if (count > 0)
        {
            _registers.Set(count);
        }
    }

    public override void GetSpecialRegisters(out X64SpecialRegisters registers)
    {
        Span<WHV_REGISTER_NAME> names = _registers.Names;
        int count = 0;
        for (var name = WHV_REGISTER_NAME.WHvX64RegisterRax; name <= WHV_REGISTER_NAME.WHvX64RegisterCr8; name++)
        {
            names[count++] = name;
        }

        names[count++] = WHV_REGISTER_NAME.WHvX64RegisterEfer;
        names[count++] = WHV_REGISTER_NAME.WHvX64RegisterApicBase;
        _registers.Get(count);
        ReadOnlySpan<WHV_REGISTER_VALUE> values = _registers.Values;
        registers = WhpRegisters.ToSpecial(values, efer: values[count - 2].Reg64, apicBase: values[count - 1].Reg64);
    }

    public override void SetSpecialRegisters(in X64SpecialRegisters registers) => WriteSpecialRegisters(registers, withApicBase: true);

    /// <summary>Writes segments, tables and control registers, all in one call: the platform checks that they go together.</summary>
    internal void WriteSpecialRegisters(in X64SpecialRegisters registers, bool withApicBase)
    {
        // Some hosts deny writes of the APIC base where the platform keeps the local APIC: one that changes nothing is left out.
        bool writesApicBase = withApicBase && _registers.Get64(WHV_REGISTER_NAME.WHvX64RegisterApicBase) != registers.ApicBase;
        Span<WHV_REGISTER_NAME> names = _registers.Names;
        Span<WHV_REGISTER_VALUE> values = _registers.Values;
        values[..(WhpRegisters.SpecialCount + 2)].Clear();
        int count = 0;
        for (var name = WHV_REGISTER_NAME.WHvX64RegisterEs; name <= WHV_REGISTER_NAME.WHvX64RegisterCr8; name++)
        {
            names[count++] = name;
        }

        WhpRegisters.FromSpecial(registers, values);
        names[count] = WHV_REGISTER_NAME.WHvX64RegisterEfer;
        values[count++].Reg64 = registers.Efer;
        if (writesApicBase)
        {
            names[count] = WHV_REGISTER_NAME.WHvX64RegisterApicBase;
            values[count++].Reg64 = registers.ApicBase;
        }

        _registers.Set(count);
    }

    public override void GetDebugRegisters(out X64DebugRegisters registers) =>
        registers = _debugger.GuestRegisters ?? ReadDebugRegisters();

    public override void SetDebugRegisters(in X64DebugRegisters registers)
    {
        if (_debugger.GuestRegisters is not null)
        {
            // The processor's are the host's now; the guest's come back when it has done with them.
            _debugger.GuestRegisters = registers;
            return;
        }

        WriteDebugRegisters(registers);
    }

    internal X64DebugRegisters ReadDebugRegisters()
    {
        Span<WHV_REGISTER_NAME> names = _registers.Names;
        int count = 0;
        for (var name = WHV_REGISTER_NAME.WHvX64RegisterDr0; name <= WHV_REGISTER_NAME.WHvX64RegisterDr7; name++)
        {
            names[count++] = name;
        }

        _registers.Get(count);
        ReadOnlySpan<WHV_REGISTER_VALUE> values = _registers.Values;
        return new X64DebugRegisters
        {
            Dr0 = values[0].Reg64,
            Dr1 = values[1].Reg64,
            Dr2 = values[2].Reg64,
            Dr3 = values[3].Reg64,
            Dr6 = values[4].Reg64,
            Dr7 = values[5].Reg64,
        };
    }

    internal void WriteDebugRegisters(in X64DebugRegisters registers)
    {
        Span<WHV_REGISTER_NAME> names = _registers.Names;
        Span<WHV_REGISTER_VALUE> values = _registers.Values;
        ReadOnlySpan<ulong> numbers = [registers.Dr0, registers.Dr1, registers.Dr2, registers.Dr3, registers.Dr6, registers.Dr7];
        for (int i = 0; i < numbers.Length; i++)
        {
            names[i] = WHV_REGISTER_NAME.WHvX64RegisterDr0 + (uint)i;
            values[i] = new WHV_REGISTER_VALUE { Reg64 = numbers[i] };
        }

        _registers.Set(numbers.Length);
    }

    public override byte[] GetXsave() => WhpXsave.Read(_partition, _vcpu.Index, _registers);

    public override void SetXsave(ReadOnlySpan<byte> xsave) => WhpXsave.Write(_partition, _vcpu.Index, _registers, xsave);

    public override X64XcrValue[] GetXcrs() => [new X64XcrValue(0, _registers.Get64(WHV_REGISTER_NAME.WHvX64RegisterXCr0))];

    public override void SetXcrs(ReadOnlySpan<X64XcrValue> xcrs)
    {
        foreach (X64XcrValue xcr in xcrs)
        {
            if (xcr.Index != 0)
            {
                throw new ArgumentException($"There is no extended control register {xcr.Index} on WHP; it has XCR0.", nameof(xcrs));
            }

            _registers.Set64(WHV_REGISTER_NAME.WHvX64RegisterXCr0, xcr.Value);
        }
    }

    public override void GetMsrs(ReadOnlySpan<uint> indexes, Span<ulong> values)
    {
        for (int i = 0; i < indexes.Length; i++)
        {
            if (!_registers.TryGetMsr(indexes[i], out values[i]))
            {
                throw WhpError.Create(
                    nameof(WhvFunctions.WHvGetVirtualProcessorRegisters), HRESULTS.WHV_E_INVALID_VP_REGISTER_NAME, $"WHP does not know MSR 0x{indexes[i]:X}.");
            }
        }
    }

    public override void SetMsrs(ReadOnlySpan<X64MsrValue> msrs)
    {
        foreach (X64MsrValue msr in msrs)
        {
            int result = _registers.TrySetMsr(msr.Index, msr.Value);
            if (result < 0)
            {
                throw WhpError.Create(
                    nameof(WhvFunctions.WHvSetVirtualProcessorRegisters),
                    result,
                    $"WHP refuses 0x{msr.Value:X} for MSR 0x{msr.Index:X}: {WhpError.Describe(result)}.");
            }
        }
    }

    public override X64CpuidTable GetCpuid() => new(WhpCpuid.Enumerate(AskCpuid));

    /// <summary>What this vCPU answers.</summary>
    internal unsafe WHV_CPUID_OUTPUT AskCpuid(uint leaf, uint subleaf)
    {
        // CPUID that leaves is answered from the table; so is the caller here. What the table does not hold is the platform's.
        WHV_CPUID_OUTPUT output = _partition.Native.Functions.WHvGetVirtualProcessorCpuidOutput is not null
            ? WhpX64Host.AskCpuid(_partition.Native, _vcpu.Index, leaf, subleaf)
            : WhpCpuid.AskProcessor(leaf, subleaf);
        if (_partition.Cpuid is { } table)
        {
            table.TryGet(leaf, subleaf, out X64CpuidEntry entry);
            WHV_CPUID_OUTPUT mask = WhpCpuid.MaskOf(leaf, subleaf);
            output.Eax = (entry.Eax & mask.Eax) | (output.Eax & ~mask.Eax);
            output.Ebx = (entry.Ebx & mask.Ebx) | (output.Ebx & ~mask.Ebx);
            output.Ecx = (entry.Ecx & mask.Ecx) | (output.Ecx & ~mask.Ecx);
            output.Edx = (entry.Edx & mask.Edx) | (output.Edx & ~mask.Edx);
        }

        return output;
    }

    private X64Registers ReadRegisters()
    {
        Span<WHV_REGISTER_NAME> names = _registers.Names;
        for (int i = 0; i < WhpRegisters.GeneralCount; i++)
        {
            names[i] = (WHV_REGISTER_NAME)i;
        }

        _registers.Get(WhpRegisters.GeneralCount);
        return WhpRegisters.ToGeneral(_registers.Values);
    }

    private void WriteRegisters(in X64Registers registers)
    {
        Span<ulong> numbers = stackalloc ulong[WhpRegisters.GeneralCount];
        WhpRegisters.FromGeneral(registers, numbers);
        Span<WHV_REGISTER_NAME> names = _registers.Names;
        Span<WHV_REGISTER_VALUE> values = _registers.Values;
        for (int i = 0; i < WhpRegisters.GeneralCount; i++)
        {
            names[i] = (WHV_REGISTER_NAME)i;
            values[i] = new WHV_REGISTER_VALUE { Reg64 = numbers[i] };
        }

        _registers.Set(WhpRegisters.GeneralCount);
    }
}
