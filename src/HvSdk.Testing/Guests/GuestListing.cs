using System.Globalization;
using System.Text;
using Iced.Intel;
using Decoder = Iced.Intel.Decoder;

namespace HvSdk.Testing;

/// <summary>Writes a program as text.</summary>
internal static class GuestListing
{
    private const int BytesWidth = 2 * 11;

    public static string Create(GuestProgram program)
    {
        ReadOnlySpan<byte> code = program.Code.Span;
        ILookup<ulong, string> symbols = program.Symbols.ToLookup(static symbol => symbol.Value, static symbol => symbol.Key);
        ulong segmentBase = program.Mode == GuestMode.Real ? program.InitialSpecialRegisters.Cs.Base : 0;
        ulong ip = program.LoadAddress - segmentBase;
        Decoder decoder = Decoder.Create((int)program.Mode, new ByteArrayCodeReader(code.ToArray()), ip);
        NasmFormatter formatter = new();
        formatter.Options.HexPrefix = "0x";
        formatter.Options.HexSuffix = "";
        StringOutput text = new();
        StringBuilder listing = new();
        while (decoder.IP - ip < (ulong)code.Length)
        {
            ulong start = decoder.IP;
            Instruction instruction = decoder.Decode();
            formatter.Format(instruction, text);
            foreach (string symbol in symbols[segmentBase + start])
            {
                listing.Append(symbol).Append(":\n");
            }

            string bytes = Convert.ToHexString(code.Slice((int)(start - ip), instruction.Length));
            listing.Append(
                CultureInfo.InvariantCulture,
                $"{Address(program.Mode, segmentBase, start)}  {bytes.PadRight(BytesWidth)}{text.ToStringAndReset()}\n");
        }

        return listing.ToString();
    }

    private static string Address(GuestMode mode, ulong segmentBase, ulong ip) => mode switch
    {
        GuestMode.Real => $"{segmentBase >> 4:X4}:{ip:X4}",
        GuestMode.Protected => $"{ip:X8}",
        _ => $"{ip:X16}",
    };
}
