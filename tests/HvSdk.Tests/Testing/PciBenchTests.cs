using HvSdk.Devices;
using HvSdk.Testing;

namespace HvSdk.Tests.Testing;

public sealed class PciBenchTests
{
    private readonly PciBench _bench = new();
    private readonly Bell _bell = new();

    public PciBenchTests() => _bench.Attach(_bell);

    [Fact]
    public void Attach_Device_IsRemembered()
    {
        Assert.Equal(0x5678, _bench.Identity!.DeviceId);
        Assert.Equal(0x1000UL, _bench.SizeOf(0));
        Assert.Equal(2, _bench.VectorCount);
        Assert.Equal([(0x09, 0x40, 2), (0x09, 0x44, 4)], _bench.Capabilities.Select(static entry => ((int)entry.Id, entry.Offset, entry.Length)));
    }

    [Fact]
    public void WriteBar_DeviceThatSignals_SendsOnceMessagesAreEnabled()
    {
        _bench.WriteBar(0, 0, 1);
        Assert.Empty(_bench.Signals);
        Assert.True(_bench.Pin!.IsAsserted);

        _bench.EnableMessages();
        _bench.WriteBar(0, 0, 1);
        _bench.MaskMessage(1);
        _bench.WriteBar(0, 0, 1);
        Assert.Equal([1], _bench.Signals);

        _bench.MaskMessage(1, masked: false);
        Assert.Equal([1, 1], _bench.Signals);
    }

    [Fact]
    public void ReadConfiguration_Capabilities_AreBytesAndRegisters()
    {
        Assert.Equal(0x2211_4409UL, _bench.ReadConfiguration(0x40));
        _bench.WriteConfiguration(0x42, 0xFFFF, 2);
        Assert.Equal(0xFF11_4409UL, _bench.ReadConfiguration(0x40));

        _bench.WriteConfiguration(0x46, 0x1234_5678);
        Assert.Equal(0x1234_5678U, _bell.Register);
        Assert.Equal(0xFFFF_0009UL, _bench.ReadConfiguration(0x44)); // it sets nothing when it is read
    }

    [Fact]
    public void MoveBar_Device_HearsOfIt()
    {
        _bench.MoveBar(0, 0xE000_0000);
        _bench.MoveBar(0, null);

        Assert.Equal([0xE000_0000, null], _bell.Moves);
        Assert.Throws<ArgumentException>(() => _bench.MoveBar(5, null));
    }

    /// <summary>Rings at each write.</summary>
    private sealed class Bell : IPciDevice, IBusDevice
    {
        private IPciMessages? _messages;
        private IInterruptLine? _pin;

        public List<ulong?> Moves { get; } = [];

        public uint Register { get; private set; }

        public void Attach(IPciSlot slot)
        {
            slot.Identify(new PciIdentity { VendorId = 0x1234, DeviceId = 0x5678, ClassCode = 0 });
            slot.AddBar(0, 0x1000, this);
            slot.OnBarMapped(0, Moves.Add);
            slot.AddCapability(0x09, [0x11, 0x22], [0x00, 0xFF]);
            slot.AddCapability(0x09, 4, this);
            _messages = slot.UseMsiX(2, 1);
            _pin = slot.ConnectInterruptPin();
        }

        public void Read(ulong offset, Span<byte> data)
        {
        }

        public void Write(ulong offset, ReadOnlySpan<byte> data)
        {
            Register = System.Buffers.Binary.BinaryPrimitives.ReadUInt32LittleEndian(data);
            if (!_messages!.Signal(1))
            {
                _pin!.Set(true);
            }
        }
    }
}
