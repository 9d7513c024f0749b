using System.Text;
using HvSdk;

namespace HvSdk.Samples.Firmware;

/// <summary>The debug port of QEMU and Bochs: a read gives 0xE9, by which the firmware finds it; bytes written are its log.</summary>
internal sealed class DebugPort(Action<string> onLine) : IBusDevice
{
    public const ushort Port = 0x402;

    private const byte Readback = 0xE9;
    private const int MaxLineLength = 200;

    private readonly StringBuilder _line = new();

    public void Read(ulong offset, Span<byte> data) => data.Fill(Readback);

    public void Write(ulong offset, ReadOnlySpan<byte> data)
    {
        char c = (char)data[0];
        if (c != '\n')
        {
            _line.Append(char.IsControl(c) ? '?' : c);
        }

        // Firmware that never ends a line gets it ended.
        if (c == '\n' || _line.Length == MaxLineLength)
        {
            onLine(_line.ToString());
            _line.Clear();
        }
    }
}
