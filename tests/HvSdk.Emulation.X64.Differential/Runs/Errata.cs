using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>Where a processor that plays the truth is wrong: such a case is counted under its reason, and not compared.</summary>
/// <param name="Hypervisor">The processor: first word of the host's description.</param>
/// <param name="What">What it does otherwise than the manuals say.</param>
/// <param name="Matches">Whether a case is one of these.</param>
internal sealed record Errata(string Hypervisor, string What, Func<ErratumCase, bool> Matches)
{
    private const string Tcg = "kvm_amd@tcg"; // QEMU 7.2

    private const int SysenterCs = 4; // in the order of SystemMap.Msrs
    private const ulong GeneralDetect = 1UL << 13; // DR7.GD

    private const int Debug = 1;
    private const int InvalidOpcode = 6;
    private const int SegmentNotPresent = 11;
    private const int StackFault = 12;
    private const int GeneralProtection = 13;
    private const int PageFault = 14;
    private const int AlignmentCheck = 17;

    /// <summary>The table.</summary>
    public static IReadOnlyList<Errata> Table { get; } =
    [
        new(Tcg, "#SS of addresses that are not canonical is #GP", static c => c.Expected(GeneralProtection) && c.Actual(StackFault)),
        new(Tcg, "Jumps to addresses that are not canonical fault at their target", static c => c.IsLateJump),
        new(Tcg, "Alignment is not checked", static c => c.Actual(AlignmentCheck) || (c.ActualEnd == EndKind.Shutdown && c.MayCheckAlignment)),
        new(Tcg, "Vector operands need no alignment, and MXCSR takes any value", static c => c.Actual(GeneralProtection) && c.IsVectorFault),
        new(Tcg, "Accesses heed neither limits nor types of segments", static c =>
            !c.Is64 && (c.Actual(GeneralProtection) || c.Actual(StackFault)) && !c.IsSameFault && c.IsOrdinaryAccess),
        new(Tcg, "INT n that faults counts entries of 16 bytes where an error code counts entries of 8", static c =>
            c.Machine.IsLong && c.IsSameEnd && c.HasErrorCode && c.Has(Mnemonic.Int, Mnemonic.Int3, Mnemonic.Into)),
        new(Tcg, "INT1 is #UD", static c => c.Has(Mnemonic.Int1)),
        new(Tcg, "LGDT and LIDT take any base", static c => c.Actual(GeneralProtection) && !c.IsSameEnd && c.Faulting.Mnemonic is Mnemonic.Lgdt or Mnemonic.Lidt),
        new(Tcg, "DR7.GD is not heeded", static c => c.Actual(Debug) && (c.System?.Debug.Dr7 & GeneralDetect) is not (null or 0)),
        new(Tcg, "DR7 keeps its reserved bits", static c => c.DiffersInDr7 && c.Test.Instructions.Any(static item => item.Instruction.Op0Register is Register.DR7 or Register.DR5)),
        new(Tcg, "An interrupt stack table entry loads a null SS at the same level too", static c => c.Machine.IsLong && c.IsSameEnd && c.IsNullStack),
        new(Tcg, "A data segment that a return outward takes away keeps its base", static c => c.Has(Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq, Mnemonic.Retf) && c.LosesBase),
        new(Tcg, "XSAVE and XRSTOR heed neither CR0.TS nor what is wrong with an image", static c => c.IsSavingState && !c.IsSameEnd),
        new(Tcg, "Which byte of an XSAVE area faults first is each processor's own affair", static c => c.IsSavingState && c.Expected(PageFault) && c.Actual(PageFault)),
        new(Tcg, "XRSTOR of AVX state alone leaves MXCSR as it is", static c => c.Has(Mnemonic.Xrstor, Mnemonic.Xrstor64) && c.DiffersInMxcsr),
        new(Tcg, "Words of x87 control and status are taken as they lie in memory", static c =>
            c.Has(Mnemonic.Frstor, Mnemonic.Fldenv) || (c.IsSavingState && c.DiffersInReservedControl)),
        new(Tcg, "IRET that pops VM enters virtual-8086 mode from any level, in long mode too", static c => c.Has(Mnemonic.Iretd, Mnemonic.Iret) && !c.IsSameEnd && c.IsVirtual8086),
        new(Tcg, "The accessed bit of a descriptor is not set, so that a table that cannot be written is no fault", static c => !c.IsSameEnd && c.FaultsInTable),
        new(Tcg, "The kernel's part of INS does several rounds at once", static c => c.Has(Mnemonic.Insb, Mnemonic.Insw, Mnemonic.Insd) && c.Expected(PageFault)),
        new(Tcg, "RF is not set in the flags that a fault pushes", static c => c.IsSameEnd && c.DiffersInResumeFlag),
        new(Tcg, "Accesses that write what they read set accessed bits before they fault", static c => c.Expected(PageFault) && c.IsSameEnd && c.DiffersInTables),
        new(Tcg, "MMX state begins before the operand's page fault", static c => c.Expected(PageFault) && c.IsSameEnd && c.IsMmxFault),
        new(Tcg, "The immediate of a far return has a sign", static c => c.HasFarReturnOfMany),
        new(Tcg, "A far target beyond its segment is reported with the selector", static c =>
            c.Expected(GeneralProtection) && c.Actual(GeneralProtection) && c.HasFarTransfer && c.DiffersInErrorCode),
        new(Tcg, "XSAVE and FXSAVE leave reserved bytes alone, and MXCSR where AVX state is saved without SSE", static c => c.IsSavingState && c.IsSameEnd && c.DiffersInArena),
        new(Tcg, "Far transfers of real mode heed no limit", static c => c.Machine.Mode == MachineMode.Real16 && c.Actual(GeneralProtection) && SystemPool.IsTransfer(c.Faulting)),
        new(Tcg, "SYSRET of real mode is #GP before it is #UD", static c => c.Expected(GeneralProtection) && c.Actual(InvalidOpcode) && c.Has(Mnemonic.Sysret, Mnemonic.Sysexit)),
        new(Tcg, "SYSENTER from 32-bit code leaves CS as 32-bit and 64-bit code at once", static c => c.Has(Mnemonic.Sysenter) && c.Machine.IsLong && !c.Is64),
        new(Tcg, "SYSENTER of 64-bit code is #UD, as on AMD's processors, and SYSEXIT is not", static c => c.Is64 && c.Has(Mnemonic.Sysenter) && !c.IsSameEnd),
        new(Tcg, "SYSENTER and SYSEXIT take any selector but 0", static c =>
            c.Has(Mnemonic.Sysenter, Mnemonic.Sysexit, Mnemonic.Sysexitq) && c.Actual(GeneralProtection) && c.System?.Msrs[SysenterCs] is > 0 and < 4),
        new(Tcg, "A reserved bit in a page table is reported as one of a missing page", static c => c.Expected(PageFault) && c.Actual(PageFault) && c.IsReservedWithoutPresent),
        new(Tcg, "Far transfers and interrupts read and write the stack as a supervisor", static c =>
            (c.Expected(PageFault) && c.HasFarTransfer) || (c.Actual(PageFault) && !c.IsSameFault && c.IsTransferByUser)),
        new(Tcg, "The stack of an exception's handler has no limit", static c => c.ActualEnd == EndKind.Shutdown && !c.Machine.IsLong && !c.IsSameEnd),
        new(Tcg, "Bits 16 to 19 of what LAR gives are undefined", static c => c.Has(Mnemonic.Lar) && c.IsSameEnd),
        new(Tcg, "SYSRET takes VM and RF from R11, and leaves VIF and VIP", static c => c.Has(Mnemonic.Sysret, Mnemonic.Sysretq) && c.IsSameEnd && c.DiffersInSysretFlags),
        new(Tcg, "LLDT of a null selector leaves the attributes", static c => c.Has(Mnemonic.Lldt) && c.IsSameEnd && c.IsNullLdt),
        new(Tcg, "DR6 keeps its reserved bit", static c => c.DiffersInReservedDr6 && c.Test.Instructions.Any(static item => item.Instruction.Op0Register is Register.DR6 or Register.DR4)),
        new(Tcg, "IRET and RETF heed no limit of their code segment", static c => !c.IsSameEnd && c.IsReturnRefusedWithoutSelector),
        new(Tcg, "A stack segment with bit 21 set, which is reserved outside IA-32e mode, has its frames written at its base", static c =>
            !c.Machine.IsLong && c.HasReservedBitInStack && !c.IsSameMemory),
        new(Tcg, "The upper half of ESP is not loaded with a stack of 16 bits", static c => !c.Machine.IsLong && c.IsSameEnd && c.DiffersInUpperHalfOfStackPointer),
        new(Tcg, "The accessed bit of a descriptor is not set, so that its page does not become dirty", static c => c.IsSameEnd && c.DiffersInDirtyTable),
        new(Tcg, "Which byte of a descriptor is named where its accessed bit cannot be set is each processor's own affair", static c =>
            c.Expected(PageFault) && c.Actual(PageFault) && c.FaultsInTable && c.IsSameFault),
        new(Tcg, "XSETBV does not leave for the host, which goes on showing the XCR0 of before", static c => c.Has(Mnemonic.Xsetbv) && c.IsSameEnd && c.DiffersInXcr0),
        new(Tcg, "WRMSR takes bases that are not canonical", static c => c.Actual(GeneralProtection) && !c.IsSameEnd && c.Faulting.Mnemonic == Mnemonic.Wrmsr),
        new(Tcg, "Which comes first of #UD of DR4 and DR5 and #GP of the privilege level is each processor's own affair", static c =>
            c.Expected(GeneralProtection) && c.Actual(InvalidOpcode) && c.Test.Instructions.Any(static item =>
                item.Instruction.Op0Register is Register.DR4 or Register.DR5 || item.Instruction.Op1Register is Register.DR4 or Register.DR5)),
        new(Tcg, "Which comes first of a handler's code segment that is neither present nor of 64 bits is each processor's own affair", static c =>
            c.Machine.IsLong && c.Expected(SegmentNotPresent) && c.Actual(GeneralProtection) && c.IsSameMemory),
    ];

    /// <summary>The reason why a case is not compared; null: it is.</summary>
    public static string? ReasonOf(TestCase test, Outcome expected, Outcome actual, string hypervisor)
    {
        ErratumCase found = new(test, expected, actual);
        return Table.FirstOrDefault(line => line.Hypervisor == hypervisor && line.Matches(found))?.What;
    }
}

/// <summary>A case and its two outcomes, as <see cref="Errata"/> ask about them.</summary>
/// <param name="test">The case.</param>
/// <param name="expected">The processor's outcome.</param>
/// <param name="actual">The emulator's.</param>
internal sealed class ErratumCase(TestCase test, Outcome expected, Outcome actual)
{
    private const uint VirtualMode = 1U << 17; // EFLAGS.VM
    private const ulong AlignmentFlag = 1UL << 18; // RFLAGS.AC
    private const int UserAccess = 4; // of a page fault's error code (SDM vol. 3A, 4.7)
    private const int Dirty = 0x40;
    private const uint PageMask = 0xFFFF_F000;
    private const int ReservedControl = 0xE0C0; // SDM vol. 1, 8.1.5

    private Instruction? _faulting;

    public TestCase Test { get; } = test;

    public Machine Machine { get; } = Machine.Of(test.Mode);

    public bool Is64 => Machine.Bitness == 64;

    public bool IsSameEnd => expected.End == actual.End && expected.Vector == actual.Vector;

    /// <summary>The same end, and where it is a handler's, of a fault at the same place.</summary>
    public bool IsSameFault => IsSameEnd && (expected.End != EndKind.Handler || PushedPointer(expected) == PushedPointer(actual));

    /// <summary>Alignment is checked in this case: AC is set at privilege level 3.</summary>
    public bool MayCheckAlignment => (Test.Registers.Rflags & AlignmentFlag) != 0 && (System?.Registers.Cs.Selector & 3) == 3;

    /// <summary>A far transfer or an interrupt met a page fault of user mode on the emulator.</summary>
    public bool IsTransferByUser =>
        (SystemPool.IsTransfer(Faulting) || Faulting.Mnemonic is Mnemonic.Int or Mnemonic.Int3 or Mnemonic.Into)
        && FaultFrame.Of(Test, actual).ErrorCode is var place && place < (ulong)actual.Memory.Length && (actual.Memory[place] & UserAccess) != 0;

    /// <summary>Bits of the x87 control word that mean nothing are all that differs in it.</summary>
    public bool DiffersInReservedControl => (BitConverter.ToUInt16(expected.Xsave) ^ BitConverter.ToUInt16(actual.Xsave)) is var change && change != 0 && (change & ~ReservedControl) == 0;

    public bool HasReservedBitInStack => actual.SpecialRegisters.Ss.IsLong;

    /// <summary>Bits 16 and up of ESP differ, and SS is one of 16 bits.</summary>
    public bool DiffersInUpperHalfOfStackPointer =>
        (expected.Registers.Rsp ^ actual.Registers.Rsp) is var change && change != 0 && (ushort)change == 0 && !actual.SpecialRegisters.Ss.IsDefault32;

    /// <summary>The dirty bit of the page of the GDT is all that differs in memory.</summary>
    public bool DiffersInDirtyTable => Differs((address, change) =>
        change == Dirty && address is >= (int)MachineMap.PageTables and < (int)MachineMap.Code && (BitConverter.ToUInt32(actual.Memory, address) & PageMask) == MachineMap.Gdt);

    /// <summary>The instruction that faulted on the emulator; the default where none did.</summary>
    public Instruction Faulting => _faulting ??= actual.End == EndKind.Handler ? FaultFrame.Faulting(Test, actual) : default;

    public bool IsVectorFault => Faulting.Code != Code.INVALID && InstructionPool.IsVector(Faulting.Code);

    /// <summary>It reads or writes memory or the stack, and does nothing with segments.</summary>
    public bool IsOrdinaryAccess => Faulting.Code != Code.INVALID && (Test.System is null || SystemPool.IsAccess(Faulting));

    /// <summary>A fault at an address that no jump may go to.</summary>
    public bool IsLateJump
    {
        get
        {
            ulong frame = expected.Registers.Rsp + 8;
            return Expected(13)
                && frame <= MachineMap.ComparedSize - 8
                && expected.SpecialRegisters.Cs.IsLong
                && (BitConverter.ToInt64(expected.Memory, (int)frame) >> 47) is not (0 or -1);
        }
    }

    /// <summary>State of a system case.</summary>
    public SystemState? System => Test.System;

    public EndKind ActualEnd => actual.End;

    public bool HasErrorCode => expected is { End: EndKind.Handler, Vector: 8 or (>= 10 and <= 14) or 17 };

    /// <summary>SS is null on the processor, and is not on the emulator.</summary>
    public bool IsNullStack => expected.SpecialRegisters.Ss.IsUnusable && !actual.SpecialRegisters.Ss.IsUnusable;

    /// <summary>FS or GS is null on both, and its base differs.</summary>
    public bool LosesBase =>
        (actual.SpecialRegisters.Fs.IsUnusable && expected.SpecialRegisters.Fs.Base != actual.SpecialRegisters.Fs.Base)
        || (actual.SpecialRegisters.Gs.IsUnusable && expected.SpecialRegisters.Gs.Base != actual.SpecialRegisters.Gs.Base);

    public bool DiffersInMxcsr => BitConverter.ToUInt32(expected.Xsave, 24) != BitConverter.ToUInt32(actual.Xsave, 24);

    public bool DiffersInXcr0 => expected.Xcr0 != actual.Xcr0;

    public bool DiffersInDr7 => expected.DebugRegisters.Dr7 != actual.DebugRegisters.Dr7;

    /// <summary>The processor's segments are those of virtual-8086 mode, or it has left that mode for a handler.</summary>
    public bool IsVirtual8086 =>
        (expected.SpecialRegisters.Ds is { IsUnusable: false, Limit: 0xFFFF } ds && ds.Base == (ulong)ds.Selector << 4) || (expected.End == EndKind.Handler && (PushedFlags & VirtualMode) != 0);

    /// <summary>The flags that the processor pushed for the handler; 0 where they lie beyond what is compared.</summary>
    private uint PushedFlags => FaultFrame.Of(Test, expected).Flags is var place && place <= (ulong)expected.Memory.Length - sizeof(uint) && Machine.Mode != MachineMode.Real16
        ? BitConverter.ToUInt32(expected.Memory, (int)place)
        : 0;

    /// <summary>The emulator could not write to a descriptor.</summary>
    public bool FaultsInTable => actual.SpecialRegisters.Cr2 is >= MachineMap.Gdt and < MachineMap.Idt;

    /// <summary>Bit 16 of words is all that differs in memory.</summary>
    public bool DiffersInResumeFlag => Differs(static (address, change) => change == 1 && address % 4 == 2);

    /// <summary>RF, VM, VIF and VIP of words are all that differs in memory.</summary>
    public bool DiffersInSysretFlags => Differs(static (address, change) => (change & ~0x1B) == 0 && address % 4 == 2);

    public bool IsSameMemory => expected.Memory.AsSpan().SequenceEqual(actual.Memory);

    public bool IsNullLdt => expected.SpecialRegisters.Ldt.Selector < 4 && actual.SpecialRegisters.Ldt.Selector < 4;

    /// <summary>Bit 12 of DR6 is all that differs of what is compared in it.</summary>
    public bool DiffersInReservedDr6 => ((expected.DebugRegisters.Dr6 ^ actual.DebugRegisters.Dr6) & ~Comparer.FixedInDr6) == 1UL << 12;

    /// <summary>A return faulted on the emulator, and its error code names no selector: it was the instruction pointer that it did not like.</summary>
    public bool IsReturnRefusedWithoutSelector => Actual(13)
        && Faulting.Mnemonic is Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq or Mnemonic.Retf
        && FaultFrame.Of(Test, actual).ErrorCode is var place && place <= (ulong)actual.Memory.Length - sizeof(ushort) && BitConverter.ToUInt16(actual.Memory, (int)place) == 0;

    /// <summary>Accessed bits are all that differs in memory.</summary>
    public bool DiffersInTables => Differs(static (address, change) => change == 0x20 && address is >= (int)MachineMap.PageTables and < (int)MachineMap.Code);

    /// <summary>The operands' memory is all that differs.</summary>
    public bool DiffersInArena => Differs(static (address, _) => address is >= (int)MachineMap.Arena and < (int)MachineMap.ArenaEnd);

    /// <summary>The error code is all that differs in memory.</summary>
    public bool DiffersInErrorCode
    {
        get
        {
            ulong place = FaultFrame.Of(Test, expected).ErrorCode;
            return Differs((address, _) => (ulong)address - place < 2);
        }
    }

    private ulong PushedPointer(Outcome outcome)
    {
        var frame = FaultFrame.Of(Test, outcome);
        if (frame.Instruction > (ulong)(outcome.Memory.Length - frame.WordSize))
        {
            return 0; // beyond what is compared
        }

        Span<byte> word = stackalloc byte[sizeof(ulong)];
        word.Clear();
        outcome.Memory.AsSpan((int)frame.Instruction, frame.WordSize).CopyTo(word);
        return BitConverter.ToUInt64(word);
    }

    public bool IsMmxFault => Array.IndexOf(Faulting.CpuidFeatures, CpuidFeature.MMX) >= 0
        || (Faulting.Op0Kind == OpKind.Register && Faulting.Op0Register is >= Register.MM0 and <= Register.MM7);

    public bool HasFarReturnOfMany => Test.Instructions.Any(static item => item.Instruction is { Mnemonic: Mnemonic.Retf, Op0Kind: OpKind.Immediate16, Immediate16: >= 0x8000 });

    public bool HasFarTransfer => Test.Instructions.Any(static item => SystemPool.IsTransfer(item.Instruction));

    private bool Differs(Func<int, int, bool> isSuch)
    {
        bool found = false;
        for (int i = 0; i < expected.Memory.Length; i++)
        {
            int change = expected.Memory[i] ^ actual.Memory[i];
            if (change == 0 || (change == 1 && i is >= (int)MachineMap.Gdt and < (int)MachineMap.Idt))
            {
                continue; // the same, or the accessed bit of a descriptor
            }

            if (!isSuch(i, change))
            {
                return false;
            }

            found = true;
        }

        return found;
    }

    /// <summary>It has an instruction of the XSAVE family.</summary>
    public bool IsSavingState => Test.Instructions.Select(static item => item.Instruction).Any(static instruction =>
        instruction.Mnemonic.ToString() is { } name && (name.StartsWith("Xsave", StringComparison.Ordinal) || name.StartsWith("Xrstor", StringComparison.Ordinal) || name.StartsWith("Fx", StringComparison.Ordinal)));

    /// <summary>The processor's error code of a page fault has RSVD, and not P. (SDM vol. 3A, 4.7)</summary>
    public bool IsReservedWithoutPresent
    {
        get
        {
            ulong place = FaultFrame.Of(Test, expected).ErrorCode;
            return place < (ulong)expected.Memory.Length && (expected.Memory[place] & 0x9) == 8;
        }
    }

    /// <summary>The case has one of these.</summary>
    public bool Has(params ReadOnlySpan<Mnemonic> mnemonics)
    {
        foreach (CaseInstruction item in Test.Instructions)
        {
            if (mnemonics.Contains(item.Instruction.Mnemonic))
            {
                return true;
            }
        }

        return false;
    }

    public bool Expected(int vector) => expected.End == EndKind.Handler && expected.Vector == vector;

    public bool Actual(int vector) => actual.End == EndKind.Handler && actual.Vector == vector;
}
