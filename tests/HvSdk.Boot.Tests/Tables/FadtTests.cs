using System.Buffers.Binary;
using HvSdk.Devices;

namespace HvSdk.Boot.Tests;

/// <summary>The fields of the FADT by their offsets (ACPI 6.5, table 5.9).</summary>
public sealed class FadtTests
{
    [Fact]
    public void Fadt_Pc_TellsOfAllThatIsThere()
    {
        byte[] fadt = AcpiReader.Of(PlatformExamples.Pc(1, PlatformExamples.SerialPort("com1", 0x3F8, 4)))["FACP"];
        Assert.Equal(276, fadt.Length);
        Assert.Equal(6, fadt[8]);
        Assert.Equal(5, fadt[131]);
        Assert.Equal(9, U16(fadt, 46));
        Assert.Equal(new byte[8], fadt[48..56]); // no SMI command
        Assert.Equal(0x600u, U32(fadt, 56));
        Assert.Equal(0u, U32(fadt, 60));
        Assert.Equal(0x604u, U32(fadt, 64));
        Assert.Equal(new byte[8], fadt[68..76]);
        Assert.Equal(0x608u, U32(fadt, 76));
        Assert.Equal(0x620u, U32(fadt, 80));
        Assert.Equal(0u, U32(fadt, 84));
        Assert.Equal(new byte[] { 4, 2, 0, 4, 4, 0, 0, 0 }, fadt[88..96]);
        Assert.True(U16(fadt, 96) > 100 && U16(fadt, 98) > 1000); // neither C2 nor C3
        Assert.Equal(new byte[8], fadt[100..108]);
        Assert.Equal(0x32, fadt[108]);
        Assert.Equal(0b01_0111, U16(fadt, 109)); // legacy devices, 8042, no VGA, no ASPM; MSI and CMOS clock are not denied
        Assert.Equal(1u << 0 | 1u << 2 | 1u << 5 | 1u << 6 | 1u << 8 | 1u << 10, U32(fadt, 112));
        AssertPort(fadt, 116, 0xCF9, 8, 1);
        Assert.Equal(0x0E, fadt[128]);
        AssertPort(fadt, 148, 0x600, 32, 2);
        AssertPort(fadt, 172, 0x604, 16, 2);
        AssertPort(fadt, 208, 0x608, 32, 3);
        AssertPort(fadt, 220, 0x620, 32, 1);
        foreach (int absent in new[] { 160, 184, 196, 232, 244, 256 })
        {
            AssertNoPort(fadt, absent);
        }

        Assert.Equal(new byte[8], fadt[268..]);
    }

    [Fact]
    public void Fadt_NothingButAProcessor_SaysThatNothingIsThere()
    {
        AcpiReader tables = AcpiReader.Of(new X64Platform { ApicIds = [0] });
        byte[] fadt = tables["FACP"];
        Assert.DoesNotContain("FACS", tables.Signatures);
        Assert.Equal(new byte[50], fadt[46..96]);
        Assert.Equal(0, fadt[108]);
        Assert.Equal(0b11_0100, U16(fadt, 109)); // no VGA, no ASPM, no CMOS clock
        Assert.Equal(1u << 0 | 1u << 2 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 12 | 1u << 20, U32(fadt, 112)); // headless, hardware-reduced
        Assert.Equal(new byte[13], fadt[116..129]);
        Assert.Equal(new byte[128], fadt[148..]);
    }

    [Fact]
    public void Fadt_Vga_IsNotDenied()
    {
        byte[] fadt = AcpiReader.Of(new X64Platform { ApicIds = [0], HasVga = true })["FACP"];
        Assert.Equal(0b11_0000, U16(fadt, 109));
        Assert.Equal(0u, U32(fadt, 112) & 1u << 12);
    }

    [Fact]
    public void Fadt_ResetWithoutPowerManagement_IsToldOf()
    {
        byte[] fadt = AcpiReader.Of(new X64Platform { ApicIds = [0], Reset = new X64ResetDescription(0x64, 0xFE) })["FACP"];
        Assert.NotEqual(0u, U32(fadt, 112) & 1u << 10);
        AssertPort(fadt, 116, 0x64, 8, 1);
        Assert.Equal(0xFE, fadt[128]);
    }

    [Fact]
    public void Fadt_BlockWithoutTimerEventsAndButton_SaysSo()
    {
        byte[] fadt = AcpiReader.Of(PlatformExamples.All["a power management block alone"])["FACP"];
        Assert.Equal(new byte[] { 4, 2, 0, 0, 0, 0 }, fadt[88..94]);
        Assert.Equal(0u, U32(fadt, 76));
        AssertNoPort(fadt, 208);
        AssertNoPort(fadt, 220);
        Assert.NotEqual(0u, U32(fadt, 112) & 1u << 4);
        Assert.Equal(0u, U32(fadt, 112) & 1u << 8);
    }

    [Fact]
    public void Fadt_SystemControlInterruptLedElsewhere_NamesTheIsaInterrupt() =>
        Assert.Equal(9, U16(AcpiReader.Of(PlatformExamples.All["system control interrupt led elsewhere"])["FACP"], 46));

    [Fact]
    public void Fadt_EventBlockWiderThanItsField_SaysAsMuchAsTheFieldHolds()
    {
        byte[] fadt = AcpiReader.Of(PlatformExamples.All["256 events"])["FACP"];
        Assert.Equal(64, fadt[92]);
        AssertPort(fadt, 220, 0x620, 255, 1);
    }

    private static void AssertPort(byte[] fadt, int offset, ushort port, byte bits, byte access)
    {
        Assert.Equal(new byte[] { 1, bits, 0, access }, fadt[offset..(offset + 4)]);
        Assert.Equal((ulong)port, BinaryPrimitives.ReadUInt64LittleEndian(fadt.AsSpan(offset + 4)));
    }

    private static void AssertNoPort(byte[] fadt, int offset) => Assert.Equal(new byte[12], fadt[offset..(offset + 12)]);

    private static ushort U16(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(offset));

    private static uint U32(byte[] bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(offset));
}
