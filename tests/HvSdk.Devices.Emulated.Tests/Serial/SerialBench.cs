using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Serial;

/// <summary>A serial port on a bench, and a guest that knows its registers by name.</summary>
internal sealed class SerialBench : IDisposable
{
    private const ushort Base = 0x3F8;

    internal SerialBench(SerialPort16550A? serial = null)
    {
        Serial = serial ?? new SerialPort16550A();
        Bench.Attach(Serial);
    }

    internal SerialPort16550A Serial { get; }

    internal DeviceBench Bench { get; } = new();

    internal RecordingLine Interrupt => Bench.Line(4);

    /// <summary>RBR and THR; with DLAB the divisor's low byte.</summary>
    internal byte Data
    {
        get => Read(0);
        set => Write(0, value);
    }

    internal byte Ier
    {
        get => Read(1);
        set => Write(1, value);
    }

    /// <summary>IIR and FCR.</summary>
    internal byte Iir => Read(2);

    internal byte Fcr
    {
        set => Write(2, value);
    }

    internal byte Lcr
    {
        get => Read(3);
        set => Write(3, value);
    }

    internal byte Mcr
    {
        get => Read(4);
        set => Write(4, value);
    }

    internal byte Lsr => Read(5);

    internal byte Msr => Read(6);

    internal byte Scr
    {
        get => Read(7);
        set => Write(7, value);
    }

    public void Dispose() => Serial.Dispose();

    internal Task SendAsync(params byte[] bytes) => Waits.SendAsync(Serial.Pipe.Output, bytes);

    internal Task<byte[]> TakeAsync(int count) => Waits.TakeAsync(Serial.Pipe.Input, count);

    private byte Read(int register) => (byte)Bench.ReadPort((ushort)(Base + register));

    private void Write(int register, byte value) => Bench.WritePort((ushort)(Base + register), value);
}
