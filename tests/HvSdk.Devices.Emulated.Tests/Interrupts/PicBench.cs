using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests;

/// <summary>A pair of 8259A at the standard ports, initialized as a PC's firmware does: vectors 0x20 and 0x28.</summary>
internal sealed class PicBench
{
    internal const ushort Master = 0x20;
    internal const ushort Slave = 0xA0;
    internal const byte MasterVector = 0x20;
    internal const byte SlaveVector = 0x28;

    private readonly DeviceBench _bench = new();

    internal PicBench(byte icw4 = 0x01, byte icw1 = 0x11)
    {
        Pic = new InterruptControllerPair(Output);
        _bench.Attach(Pic);
        Initialize(Master, icw1, MasterVector, 0x04, icw4);
        Initialize(Slave, icw1, SlaveVector, 0x02, 0x01);
    }

    internal InterruptControllerPair Pic { get; }

    internal RecordingLine Output { get; } = new();

    internal DeviceBench Bench => _bench;

    internal void Initialize(ushort port, byte icw1, byte icw2, byte icw3, byte icw4)
    {
        Write(port, icw1);
        Write((ushort)(port + 1), icw2);
        Write((ushort)(port + 1), icw3);
        Write((ushort)(port + 1), icw4);
    }

    internal void Write(ushort port, byte value) => _bench.WritePort(port, value);

    internal byte Read(ushort port) => (byte)_bench.ReadPort(port);

    internal void Mask(ushort port, byte mask) => Write((ushort)(port + 1), mask);

    internal byte InService(ushort port)
    {
        Write(port, 0x0B);
        return Read(port);
    }

    internal byte Requests(ushort port)
    {
        Write(port, 0x0A);
        return Read(port);
    }

    internal void Raise(int irq) => Pic.GetInput(irq).Set(true);

    internal void Lower(int irq) => Pic.GetInput(irq).Set(false);

    internal void Pulse(int irq)
    {
        Raise(irq);
        Lower(irq);
    }

    /// <summary>The IRQ that an INTA finds, by its vector.</summary>
    internal int Acknowledge()
    {
        byte vector = Pic.Acknowledge();
        return vector - MasterVector;
    }
}
