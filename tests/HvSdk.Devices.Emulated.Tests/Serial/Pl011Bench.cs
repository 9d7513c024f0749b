using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>A PL011 on a bench, and a guest that knows its registers by name.</summary>
internal sealed class Pl011Bench : IDisposable
{
    internal const ulong Base = 0x0900_0000;
    internal const uint ReceiverEmpty = 0x10;
    internal const uint TransmitterFull = 0x20;
    internal const uint ReceiverFull = 0x40;
    internal const uint TransmitterEmpty = 0x80;
    internal const uint ReceiveInterrupt = 0x10;
    internal const uint TransmitInterrupt = 0x20;
    internal const uint TimeoutInterrupt = 0x40;

    internal Pl011Bench(SerialPortPl011? serial = null)
    {
        Serial = serial ?? Make();
        Bench.Attach(Serial);
    }

    internal SerialPortPl011 Serial { get; }

    internal DeviceBench Bench { get; } = new();

    internal RecordingLine Interrupt => Bench.Line(1);

    internal uint Data
    {
        get => Read(0x000);
        set => Write(0x000, value);
    }

    internal uint Rsr
    {
        get => Read(0x004);
        set => Write(0x004, value);
    }

    internal uint Fr => Read(0x018);

    internal uint Ibrd
    {
        get => Read(0x024);
        set => Write(0x024, value);
    }

    internal uint Fbrd
    {
        get => Read(0x028);
        set => Write(0x028, value);
    }

    internal uint LcrH
    {
        get => Read(0x02C);
        set => Write(0x02C, value);
    }

    internal uint Cr
    {
        get => Read(0x030);
        set => Write(0x030, value);
    }

    internal uint Ifls
    {
        get => Read(0x034);
        set => Write(0x034, value);
    }

    internal uint Imsc
    {
        get => Read(0x038);
        set => Write(0x038, value);
    }

    internal uint Ris => Read(0x03C);

    internal uint Mis => Read(0x040);

    internal uint Icr
    {
        set => Write(0x044, value);
    }

    public void Dispose() => Serial.Dispose();

    internal static SerialPortPl011 Make(bool startsEnabled = true, int fifoSize = 32, int bufferSize = 64 * 1024) => new()
    {
        Address = Base,
        InterruptLine = 1,
        StartsEnabled = startsEnabled,
        FifoSize = fifoSize,
        BufferSize = bufferSize,
    };

    internal Task SendAsync(params byte[] bytes) => Waits.SendAsync(Serial.Pipe.Output, bytes);

    internal Task<byte[]> TakeAsync(int count) => Waits.TakeAsync(Serial.Pipe.Input, count);

    internal uint Read(ulong register, int size = 4) => (uint)Bench.ReadMmio(Base + register, size);

    internal void Write(ulong register, uint value, int size = 4) => Bench.WriteMmio(Base + register, value, size);
}
