using HvSdk.Devices;
using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Pci;

/// <summary>Configuration accesses, by ECAM and by ports, and the header (PCI 3.0, 3.2.2.3 and 6.1 to 6.2).</summary>
public sealed class PciConfigurationTests
{
    private const ulong AllOnes = 0xFFFF_FFFF;

    [Fact]
    public void Header_OfADevice_SaysWhatItIs()
    {
        using var rig = new PciRig(static _ => { });

        Assert.Equal(0x5678_1234UL, rig.Read(1, 0x00));
        Assert.Equal(0xFF01_0209UL, rig.Read(1, 0x08));
        Assert.Equal(0UL, rig.Read(1, 0x0E, 1)); // header type 0, one function
        Assert.Equal(0x8765_4321UL, rig.Read(1, 0x2C));
        Assert.Equal(0UL, rig.Read(1, 0x3C)); // no pin
        Assert.Equal(0UL, rig.Read(1, 0x34)); // no capabilities
        Assert.Equal(0UL, rig.Read(1, PciRig.Command));
    }

    [Fact]
    public void Bridge_Itself_IsDevice0OfTheHostBridgeClass()
    {
        using var rig = new PciRig();

        Assert.Equal(0x0600_00UL, rig.Read(0, 0x08) >> 8);
    }

    [Fact]
    public void Read_WhereNothingIs_GivesAllOnes()
    {
        using var rig = new PciRig(static _ => { });

        Assert.Equal(AllOnes, rig.Read(2, 0));
        Assert.Equal(AllOnes, rig.Read(31, 0));
        Assert.Equal(AllOnes, rig.ReadPort(2, 0));
        Assert.Equal(AllOnes, rig.Read(1, 0x100)); // no extended space
        Assert.Equal(AllOnes, rig.Read(1, 0xFFC));
        Assert.Equal(AllOnes, rig.Bench.ReadMmio(rig.Bridge.EcamAddress + (1 << 15) + (1 << 12))); // function 1
    }

    [Theory]
    [InlineData(0x00, 1, 0x34)]
    [InlineData(0x01, 1, 0x12)]
    [InlineData(0x02, 2, 0x5678)]
    [InlineData(0x03, 1, 0x56)]
    [InlineData(0x01, 2, 0x7812)]
    [InlineData(0x2C, 4, 0x8765_4321)]
    [InlineData(0x2E, 2, 0x8765)]
    public void Read_OfAnySize_GivesTheSameByBothWays(int offset, int size, ulong expected)
    {
        using var rig = new PciRig(static _ => { });

        Assert.Equal(expected, rig.Read(1, offset, size));
        Assert.Equal(expected, rig.ReadPort(1, offset, size));
    }

    [Fact]
    public void Read_OfEightBytesInMemory_GivesTwoRegisters()
    {
        using var rig = new PciRig(static _ => { });

        Assert.Equal(0x5678_1234UL, rig.Read(1, 0, 8));
        Assert.Equal(0xFFFF_FFFF_0000_0000UL, rig.Read(1, 0xFC, 8)); // half of it beyond the space
    }

    [Fact]
    public void AddressPort_WithFourBytes_KeepsTheBitsThatExist()
    {
        using var rig = new PciRig();
        rig.Bench.WritePort(0xCF8, AllOnes, 4);

        Assert.Equal(0x80FF_FFFCUL, rig.Bench.ReadPort(0xCF8, 4));

        rig.Bench.WritePort(0xCF8, 0, 1);
        rig.Bench.WritePort(0xCFA, 0, 2);
        Assert.Equal(0x80FF_FFFCUL, rig.Bench.ReadPort(0xCF8, 4));
        Assert.Equal(0xFFUL, rig.Bench.ReadPort(0xCF8));
    }

    [Theory]
    [InlineData(0x0000_0800)] // not enabled
    [InlineData(0x8001_0800)] // bus 1
    [InlineData(0x8000_0900)] // function 1
    public void DataPort_AddressOfNothing_GivesAllOnesAndTakesNoWrites(uint address)
    {
        using var rig = new PciRig(static _ => { });
        rig.Bench.WritePort(0xCF8, address | PciRig.Command, 4);

        rig.Bench.WritePort(0xCFC, PciRig.MemorySpace, 4);

        Assert.Equal(AllOnes, rig.Bench.ReadPort(0xCFC, 4));
        Assert.Equal(0UL, rig.Read(1, PciRig.Command));
    }

    [Fact]
    public void ResetPort_AmongThePorts_IsTheResetControls()
    {
        var machine = new RecordingMachine();
        var reset = new ResetControl { Machine = machine };
        using var rig = new PciRig(new PciHostBridge { ResetPort = reset });
        rig.Bench.WritePort(0xCF8, 0x8000_0600, 4); // bits 8 to 15 of an address are no reset
        Assert.Empty(machine.Requests);

        rig.Bench.WritePort(0xCF9, 0x06);

        Assert.Equal(["Reset"], machine.Requests);
        Assert.Equal(0x06UL, rig.Bench.ReadPort(0xCF9));
    }

    [Fact]
    public void Command_WrittenAllOnes_KeepsTheBitsThatExist()
    {
        using var rig = new PciRig(static _ => { });

        rig.Write(1, PciRig.Command, ushort.MaxValue, 2);

        Assert.Equal(0x0546UL, rig.Read(1, PciRig.Command, 2));
    }

    [Fact]
    public void Header_WrittenAllOnes_KeepsWhatIsReadOnly()
    {
        using var rig = new PciRig(static _ => { });
        for (int offset = 0; offset < 0x40; offset += 4)
        {
            rig.Write(1, offset, AllOnes);
        }

        Assert.Equal(0x5678_1234UL, rig.Read(1, 0x00));
        Assert.Equal(0xFF01_0209UL, rig.Read(1, 0x08));
        Assert.Equal(0x8765_4321UL, rig.Read(1, 0x2C));
        Assert.Equal(0UL, rig.Read(1, 0x30)); // no expansion ROM
        Assert.Equal(0UL, rig.Read(1, PciRig.Bar0));
    }

    [Fact]
    public void BusMaster_AsTheGuestSetsIt_IsSeenByTheDevice()
    {
        IPciSlot? slot = null;
        using var rig = new PciRig(s => slot = s);
        Assert.False(slot!.IsBusMaster);

        rig.Write(1, PciRig.Command, PciRig.BusMaster, 2);

        Assert.True(slot.IsBusMaster);
    }

    [Fact]
    public void Capabilities_OfADevice_AreAListInTheirOrder()
    {
        int first = 0;
        int second = 0;
        using var rig = new PciRig(slot =>
        {
            first = slot.AddCapability(0x09, [0x05, 0x11, 0x22]);
            second = slot.AddCapability(0x01, [0x03, 0x00, 0xFF, 0xFF], [0, 0, 0x03, 0]);
        });

        Assert.Equal(0x10UL, rig.Read(1, 0x06, 2)); // Status: there is a list
        Assert.Equal((ulong)first, rig.Read(1, PciRig.CapabilitiesPointer, 1));
        Assert.Equal(0x1105_0009UL | ((ulong)second << 8), rig.Read(1, first));
        Assert.Equal(0x22UL, rig.Read(1, first + 4, 1));
        Assert.Equal(0x0003_0001UL, rig.Read(1, second));
        Assert.True(first % 4 == 0 && second % 4 == 0 && second > first);

        rig.Write(1, second + 4, 0, 2); // bits 0 and 1 alone can be written
        Assert.Equal(0xFFFCUL, rig.Read(1, second + 4, 2));
    }

    [Fact]
    public void Capability_AnsweredByTheDevice_GetsItsBytesAlone()
    {
        var registers = new MemoryRegisters(10);
        int offset = 0;
        using var rig = new PciRig(slot => offset = slot.AddCapability(0x09, 10, registers));

        rig.Write(1, offset, 0xBBAA_9988);
        rig.Write(1, offset + 8, 0x8877_6655_4433_2211, 8);

        Assert.Equal([0xAA, 0xBB, 0, 0, 0, 0, 0x11, 0x22, 0x33, 0x44], registers.Bytes);
        Assert.Equal(0xBBAA_0009UL, rig.Read(1, offset));
        Assert.Equal(0x4433_2211UL, rig.Read(1, offset + 8, 8)); // behind it nothing is
    }
}
