namespace HvSdk.Emulation.Differential;

/// <content>What system instructions change.</content>
public sealed partial class Comparer
{
    private const byte Busy = 2; // bit 1 of a TSS's type
    internal const ulong FixedInDr6 = 0xFFFF_0FF0; // all that no condition of ours sets

    private void CompareSystem(List<string> differences, Outcome expected, Outcome actual)
    {
        X64SpecialRegisters a = expected.SpecialRegisters;
        X64SpecialRegisters b = actual.SpecialRegisters;
        Compare(differences, "CR0", a.Cr0, b.Cr0);
        Compare(differences, "CR2", a.Cr2, b.Cr2);
        Compare(differences, "CR3", a.Cr3, b.Cr3);
        Compare(differences, "CR4", a.Cr4, b.Cr4);
        Compare(differences, "CR8", a.Cr8, b.Cr8);
        Compare(differences, "EFER", a.Efer, b.Efer);
        Compare(differences, "GDTR base", a.Gdt.Base, b.Gdt.Base);
        Compare(differences, "GDTR limit", a.Gdt.Limit, b.Gdt.Limit);
        Compare(differences, "IDTR base", a.Idt.Base, b.Idt.Base);
        Compare(differences, "IDTR limit", a.Idt.Limit, b.Idt.Limit);

        // A loaded TSS is busy; how a host shows it differs.
        CompareSegment(differences, "TR", a.Tr with { Type = (byte)(a.Tr.Type | Busy) }, b.Tr with { Type = (byte)(b.Tr.Type | Busy) });
        CompareSegment(differences, "LDTR", a.Ldt, b.Ldt);
        X64DebugRegisters x = expected.DebugRegisters;
        X64DebugRegisters y = actual.DebugRegisters;
        Compare(differences, "DR0", x.Dr0, y.Dr0);
        Compare(differences, "DR1", x.Dr1, y.Dr1);
        Compare(differences, "DR2", x.Dr2, y.Dr2);
        Compare(differences, "DR3", x.Dr3, y.Dr3);
        Compare(differences, "DR6", x.Dr6 | FixedInDr6, y.Dr6 | FixedInDr6);
        Compare(differences, "DR7", x.Dr7, y.Dr7);
        Compare(differences, "XCR0", expected.Xcr0, actual.Xcr0);
        for (int i = 0; i < expected.Msrs.Length; i++)
        {
            Compare(differences, $"MSR {SystemMap.Msrs[i]:X}", expected.Msrs[i], actual.Msrs[i]);
        }
    }

    private static void Compare(List<string> differences, string name, ulong expected, ulong actual)
    {
        if (expected != actual)
        {
            differences.Add($"{name}: {expected:X} emulated: {actual:X}");
        }
    }
}
