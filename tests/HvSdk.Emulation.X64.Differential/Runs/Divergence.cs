using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Iced.Intel;

namespace HvSdk.Emulation.Differential;

/// <summary>A case in which emulator and processor differ, cut down to what is needed for that.</summary>
/// <param name="Index">Number of the case.</param>
/// <param name="Test">The case, cut down.</param>
/// <param name="Differences">What differs.</param>
/// <param name="IsDevice">It differs where operands lie in a device.</param>
public sealed record Divergence(long Index, TestCase Test, IReadOnlyList<string> Differences, bool IsDevice)
{
    private static readonly string[] s_names =
        ["RAX", "RBX", "RCX", "RDX", "RSI", "RDI", "RSP", "RBP", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "RIP", "RFLAGS"];

    /// <summary>The last instruction of the case: most likely the one that is to blame.</summary>
    public Code Culprit => Test.Instructions.Count == 0 ? Code.INVALID : Test.Instructions[^1].Instruction.Code;

    /// <inheritdoc/>
    public override string ToString()
    {
        StringBuilder text = new();
        text.AppendLine($"Case {Index} of {Test.Mode}, seed 0x{Test.Seed:X}{(IsDevice ? ", operands in a device" : "")}: {Culprit}");
        Disassemble(text);
        X64Registers registers = Test.Registers;
        ReadOnlySpan<ulong> values = MemoryMarshal.Cast<X64Registers, ulong>(MemoryMarshal.CreateSpan(ref registers, 1));
        for (int i = 0; i < s_names.Length; i++)
        {
            text.Append($"{(i % 6 == 0 ? "    " : " ")}{s_names[i]}={values[i]:X}{(i % 6 == 5 ? Environment.NewLine : "")}");
        }

        text.AppendLine($"    FS={Test.FsBase:X} GS={Test.GsBase:X} FCW={BitConverter.ToUInt16(Test.Xsave):X} FSW={BitConverter.ToUInt16(Test.Xsave, 2):X} FTW={Test.Xsave[4]:X} MXCSR={BitConverter.ToUInt32(Test.Xsave, 24):X}");
        if (Test.System is { } system)
        {
            X64SpecialRegisters special = system.Registers;
            text.AppendLine($"    CS={special.Cs.Selector:X} SS={special.Ss.Selector:X} CR0={special.Cr0:X} CR4={special.Cr4:X} EFER={special.Efer:X} GDT={special.Gdt.Limit:X} LDT={special.Ldt.Limit:X} MSRs={string.Join(' ', system.Msrs.Select(static value => value.ToString("X", CultureInfo.InvariantCulture)))}");
        }

        foreach (MemoryPatch patch in Test.Patches.Where(static patch => patch.Value != 0))
        {
            text.AppendLine($"    [{patch.Address:X}]={patch.Value:X16}");
        }

        foreach (string difference in Differences)
        {
            text.AppendLine($"  ! {difference}");
        }

        return text.ToString();
    }

    private void Disassemble(StringBuilder text)
    {
        var machine = Machine.Of(Test.Mode);
        var decoder = Iced.Intel.Decoder.Create(machine.Bitness, Test.Code);
        decoder.IP = Test.CodeAddress - machine.CodeBase;
        NasmFormatter formatter = new();
        StringOutput output = new();
        ulong end = decoder.IP + (ulong)Test.Code.Length;
        ulong start = decoder.IP;
        while (decoder.IP < end)
        {
            decoder.Decode(out Instruction instruction);
            formatter.Format(instruction, output);
            text.AppendLine($"    {instruction.IP:X}: {Convert.ToHexString(Test.Code.AsSpan((int)(instruction.IP - start), instruction.Length)),-24} {output.ToStringAndReset()}");
        }
    }
}
