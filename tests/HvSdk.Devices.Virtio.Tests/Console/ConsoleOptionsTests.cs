namespace HvSdk.Devices.Virtio.Tests.Console;

/// <summary>What a caller may ask of a console device.</summary>
public sealed class ConsoleOptionsTests
{
    [Fact]
    public void Ports_None_IsRefused() => Assert.Throws<ArgumentException>(static () => new ConsoleDevice(new ConsoleDeviceOptions { Ports = [] }));

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(65)]
    public void MaxPorts_BelowThePortsOrTooMany_IsRefused(int maxPorts)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(
            () => new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true }, new()], MaxPorts = maxPorts }));

        Assert.Contains($"{maxPorts}", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("a/b")]
    [InlineData("a b")]
    [InlineData("ä")]
    [InlineData("01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890")]
    public void Name_ThatCannotBeAFiles_IsRefused(string name)
    {
        ArgumentException exception = Assert.Throws<ArgumentException>(() => Make(new ConsolePortOptions { Name = name }));

        Assert.Contains($"'{name}'", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Name_OfAnotherPort_IsRefused()
    {
        ConsoleDevice console = Make(new ConsolePortOptions { Name = "a" });

        Assert.Throws<ArgumentException>(() => console.AddPort(new ConsolePortOptions { Name = "a" }));
        Assert.Throws<ArgumentException>(static () => new ConsoleDevice(new ConsoleDeviceOptions { Ports = [new() { Name = "x" }, new() { Name = "x" }] }));
    }

    [Theory]
    [InlineData(63)]
    [InlineData((1 << 30) + 1)]
    public void BufferSize_OutOfRange_IsRefused(int size)
    {
        ArgumentOutOfRangeException exception = Assert.Throws<ArgumentOutOfRangeException>(() => Make(new ConsolePortOptions { BufferSize = size }));

        Assert.Equal(size, exception.ActualValue);
    }

    [Theory]
    [InlineData(-1, 24)]
    [InlineData(65536, 24)]
    [InlineData(80, -1)]
    [InlineData(80, 65536)]
    public void Size_OutOfRange_IsRefused(int columns, int rows)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Make(new ConsolePortOptions { IsConsole = true, Columns = columns, Rows = rows }));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConsoleDevice().Resize(columns, rows));
    }

    [Fact]
    public void AddPort_BeyondTheLimit_IsRefused()
    {
        ConsoleDevice console = Make(new ConsolePortOptions());

        InvalidOperationException exception = Assert.Throws<InvalidOperationException>(() => console.AddPort(new ConsolePortOptions()));

        Assert.Contains("MaxPorts", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void RemovePort_TheFirst_IsRefused()
    {
        ConsoleDevice console = Make(new ConsolePortOptions());

        Assert.Throws<ArgumentException>(() => console.RemovePort(console.Ports[0]));
    }

    private static ConsoleDevice Make(ConsolePortOptions port) => new(new ConsoleDeviceOptions { Ports = [new() { IsConsole = true }, port] });
}
