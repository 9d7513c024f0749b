using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Reset;

/// <summary>RST_CNT (Intel I/O Controller Hub 10 data sheet, 13.7.5).</summary>
public sealed class ResetControlTests
{
    private readonly DeviceBench _bench = new();
    private readonly ResetControl _reset = new();

    public ResetControlTests()
    {
        _bench.Attach(_reset);
    }

    [Theory]
    [InlineData(0x06)]
    [InlineData(0x04)]
    [InlineData(0x0E)]
    public void Bit2_FromZeroToOne_Resets(byte value)
    {
        _bench.WritePort(0xCF9, (byte)(value & ~0x04));
        Assert.Empty(_bench.Machine.Requests);

        _bench.WritePort(0xCF9, value);

        Assert.Equal(["Reset"], _bench.Machine.Requests);
    }

    [Fact]
    public void Bit2_StaysOne_DoesNotResetAgain()
    {
        _bench.WritePort(0xCF9, 0x06);
        _bench.WritePort(0xCF9, 0x06);

        Assert.Equal(["Reset"], _bench.Machine.Requests);
    }

    [Fact]
    public void OtherBits_Written_ReadBackWhereTheyExist()
    {
        _bench.WritePort(0xCF9, 0xFB);

        Assert.Equal(0x0AUL, _bench.ReadPort(0xCF9));
        Assert.Empty(_bench.Machine.Requests);
    }

    [Fact]
    public void ConfigurationAddress_OfFourBytes_IsNotItsOwn()
    {
        _bench.WritePort(0xCF8, 0x8000_0600, 4);

        Assert.Empty(_bench.Machine.Requests);
        Assert.Equal(0UL, _bench.ReadPort(0xCF9));
    }

    [Fact]
    public void SaveState_Loaded_DoesNotReset()
    {
        _reset.LoadState(new ResetControlState { Value = 0x06 });

        Assert.Equal(0x06, _reset.SaveState().Value);
        Assert.Empty(_bench.Machine.Requests);
        Assert.StartsWith("Value", Assert.Throws<ArgumentException>(() => _reset.LoadState(new ResetControlState { Value = 1 })).Message, StringComparison.Ordinal);
    }
}
