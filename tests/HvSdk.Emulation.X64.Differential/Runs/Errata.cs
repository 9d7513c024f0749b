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
