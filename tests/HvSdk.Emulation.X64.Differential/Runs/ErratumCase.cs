using Iced.Intel;

namespace HvSdk.Emulation.Differential;

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
    private const uint Large = 0x80; // a page of 4 MiB
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
        change == Dirty && address is >= (int)MachineMap.PageTables and < (int)MachineMap.Code && IsPageOfGdt(BitConverter.ToUInt32(actual.Memory, address)));

    private static bool IsPageOfGdt(uint entry) => (entry & PageMask) == ((entry & Large) != 0 ? 0 : (uint)MachineMap.Gdt);

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
