using HvSdk.Testing;

namespace HvSdk.Devices.Emulated.Tests.Keyboard;

/// <summary>The keyboard's commands (IBM PS/2 Hardware Interface Technical Reference, keyboards), through a controller that does not translate.</summary>
public sealed class Ps2KeyboardTests
{
    private readonly DeviceBench _bench = new();
    private readonly KeyboardController8042 _controller = new();

    public Ps2KeyboardTests()
    {
        _bench.Attach(_controller);
        _bench.WritePort(0x64, 0x60);
        _bench.WritePort(0x60, 0x05);
    }

    [Theory]
    [InlineData(new byte[] { 0xFF }, new byte[] { 0xFA, 0xAA })] // reset
    [InlineData(new byte[] { 0xF2 }, new byte[] { 0xFA, 0xAB, 0x83 })] // identify
    [InlineData(new byte[] { 0xEE }, new byte[] { 0xEE })] // echo
    [InlineData(new byte[] { 0xF0, 0x00 }, new byte[] { 0xFA, 0xFA, 0x02 })] // which scan code set
    [InlineData(new byte[] { 0xF0, 0x01, 0xF0, 0x00 }, new byte[] { 0xFA, 0xFA, 0xFA, 0xFA, 0x01 })]
    [InlineData(new byte[] { 0xF0, 0x03 }, new byte[] { 0xFA, 0xFE })] // no set 3
    [InlineData(new byte[] { 0xED, 0x02 }, new byte[] { 0xFA, 0xFA })] // lights
    [InlineData(new byte[] { 0xF3, 0x00 }, new byte[] { 0xFA, 0xFA })] // typematic rate
    [InlineData(new byte[] { 0xF4 }, new byte[] { 0xFA })] // enable
    [InlineData(new byte[] { 0xF5 }, new byte[] { 0xFA })] // disable
    [InlineData(new byte[] { 0xF6 }, new byte[] { 0xFA })] // defaults
    [InlineData(new byte[] { 0xED, 0xF4 }, new byte[] { 0xFA, 0xFA })] // a command in place of an argument
    [InlineData(new byte[] { 0xF8 }, new byte[] { 0xFE })] // a command of set 3
    [InlineData(new byte[] { 0x00 }, new byte[] { 0xFE })] // no command at all
    public void Command_Sent_IsAnswered(byte[] bytes, byte[] answers)
    {
        var received = new List<byte>();
        foreach (byte value in bytes)
        {
            _bench.WritePort(0x60, value);
            received.AddRange(ReadAll());
        }

        Assert.Equal(answers, received);
    }

    [Fact]
    public void Identify_WithTranslation_IsWhatLinuxKnows()
    {
        _bench.WritePort(0x64, 0x60);
        _bench.WritePort(0x60, 0x45);

        Assert.Equal([0xFA, 0xAB, 0x41], Send(0xF2));
    }

    [Fact]
    public void Resend_AfterAnAnswer_GivesItsLastByteAgain()
    {
        Send(0xF2);

        Assert.Equal([0x83], Send(0xFE));
    }

    [Fact]
    public void Lights_Set_AreSeenByTheHost()
    {
        Send(0xED);
        Send(0x06);

        Assert.Equal(KeyboardLeds.NumLock | KeyboardLeds.CapsLock, _controller.Leds);
    }

    [Fact]
    public void Disable_Keys_WaitUntilEnabledWhichDropsThem()
    {
        Send(0xF5);
        _controller.SendScanCodes([0x1C]);
        Assert.Empty(ReadAll());

        Assert.Equal([0xFA], Send(0xF4));
        _controller.SendScanCodes([0x32]);

        Assert.Equal([0x32], ReadAll());
    }

    [Fact]
    public void ScanCodeSet1_Chosen_IsWhatTheKeyboardSends()
    {
        Send(0xF0);
        Send(0x01);
        _controller.SendScanCodes([0x1C, 0xF0, 0x1C, 0xE0, 0x75]);

        Assert.Equal([0x1E, 0x9E, 0xE0, 0x48], ReadAll());
    }

    [Fact]
    public void Answers_NeverRead_DoNotGrow()
    {
        for (int i = 0; i < 10_000; i++)
        {
            _bench.WritePort(0x60, 0xF2);
        }

        Assert.InRange(ReadAll().Length, 1, 17);
    }

    private byte[] Send(byte value)
    {
        _bench.WritePort(0x60, value);
        return ReadAll();
    }

    private byte[] ReadAll()
    {
        var bytes = new List<byte>();
        while ((_bench.ReadPort(0x64) & 0x01) != 0)
        {
            bytes.Add((byte)_bench.ReadPort(0x60));
        }

        return [.. bytes];
    }
}
